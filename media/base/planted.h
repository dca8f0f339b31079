/*
 * One deliberate defect per parser, compiled in on request (CMake: -DPLM_PLANT_BUG=<parser>) to show that the parser's fuzz
 * target would find a fault of that kind. Ordinary builds see the plain condition.
 *
 * PLM_FITS(parser, condition) is a bounds check; the planted build of that parser takes it for true.
 */
#ifndef PLM_PLANTED_H
#define PLM_PLANTED_H

#ifdef PLM_PLANT_BUG
enum plm_planted {
    PLM_PLANTED_rtp = 1,
    PLM_PLANTED_rtp_ext,
    PLM_PLANTED_rtcp,
    PLM_PLANTED_twcc,
    PLM_PLANTED_vp8,
    PLM_PLANTED_vp9,
    PLM_PLANTED_h264,
    PLM_PLANTED_dd,
    PLM_PLANTED_rtx,
    PLM_PLANTED_sdp,
    PLM_PLANTED_ice,
    PLM_PLANTED_stun,
    PLM_PLANTED_dtls,
    PLM_PLANTED_link,
    PLM_PLANTED_frames,
    PLM_PLANTED_msg,
    PLM_PLANTED_control,
    PLM_PLANTED_config,
    PLM_PLANTED_http,
    PLM_PLANTED_rest,
    PLM_PLANTED_restore,
    PLM_PLANTED_depack_opus,
    PLM_PLANTED_depack_vp8,
    PLM_PLANTED_depack_vp9,
    PLM_PLANTED_depack_h264,
    PLM_PLANTED_depack_av1,
    PLM_PLANTED_stream_refs,
    PLM_PLANTED_stream_parts,
    PLM_PLANTED_mp4,
    PLM_PLANTED_framing,
    PLM_PLANTED_ring,
    PLM_PLANTED_pkt_ring,
    PLM_PLANTED_tuple_map,
    PLM_PLANTED_u32_map,
    PLM_PLANTED_nack,
    PLM_PLANTED_layers,
};
#define PLM_PLANTED_ID(parser)      PLM_PLANTED_##parser
#define PLM_FITS(parser, condition) (PLM_PLANT_BUG == PLM_PLANTED_ID(parser) || (condition))
#else
#define PLM_FITS(parser, condition) (condition)
#endif

#endif
