import type { Meeting } from "@plenum/sdk";
import { useEffect, useState } from "react";
import { latestFreezes, marksOf, type ServerReport } from "../lib/freezes.js";
import { formatNumber, formatTime } from "../lib/language.js";
import { formatBitrate, formatPercent } from "../lib/text.js";
import { t } from "../messages.js";
import { CHART_WIDTH, Strip } from "./QualityChart.js";

interface FreezeReportProps {
  meeting: Meeting;
  participant: number;
  name: string;
  /** One's own connection, or one leads: all that this participant receives. Else: how their picture fared here. */
  isReceiver: boolean;
}

const ASK_MS = 5000;
const FREEZES = 5;

/** What the server knows: the last minute, and why pictures stood still. Asked for as long as it is looked at. */
export function FreezeReport({ meeting, participant, name, isReceiver }: FreezeReportProps) {
  const receiver = isReceiver ? participant : meeting.localId;
  const isOwn = receiver === meeting.localId;
  const report = useServerReport(meeting, receiver);
  if (!report) return null;
  const freezes = latestFreezes(report, isReceiver ? undefined : participant, FREEZES);
  return (
    <section className="freeze-report" data-testid="freeze-report">
      <strong>{isReceiver ? (isOwn ? t.quality.youReceive : t.quality.theyReceive(name)) : t.quality.pictureOf(name)}</strong>
      {isReceiver && report.received.length > 1 && <MinuteChart report={report} />}
      {freezes.length === 0 ? (
        <p>{t.quality.noFreezes}</p>
      ) : (
        <ul>
          {freezes.map(({ at, ms, participant: publisher, cause }) => (
            <li key={`${at} ${publisher}`} data-testid="freeze" data-cause={cause}>
              {t.quality.freeze(formatTime(at), meeting.nameOf(publisher) ?? "", formatNumber(ms / 1000, 1))}{" "}
              <span>{isOwn ? t.quality.causesHere[cause] : t.quality.causes[cause]}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function MinuteChart({ report }: { report: ServerReport }) {
  const { received } = report;
  return (
    <figure className="quality-chart">
      <figcaption>{t.quality.minute}</figcaption>
      <Strip
        what={t.quality.bitrate}
        tone="bitrate"
        values={received.map((second) => second.kbps * 1000)}
        format={formatBitrate}
        marks={marksOf(report, CHART_WIDTH)}
      />
      <Strip
        what={t.quality.loss}
        tone="loss"
        values={received.map(({ lost, packets }) => (packets > 0 ? Math.min(1, lost / packets) : 0))}
        format={formatPercent}
      />
    </figure>
  );
}

function useServerReport(meeting: Meeting, receiver: number): ServerReport | undefined {
  const [known, setKnown] = useState<{ receiver: number; report: ServerReport }>();
  useEffect(() => {
    let isShown = true;
    const ask = () => {
      /* A refusal leaves what was known: whoever was asked about may have left. */
      void meeting.qualityReport(receiver).then(
        (report) => isShown && setKnown({ receiver, report }),
        () => undefined,
      );
    };
    ask();
    const timer = setInterval(ask, ASK_MS);
    return () => {
      isShown = false;
      clearInterval(timer);
    };
  }, [meeting, receiver]);
  return known?.receiver === receiver ? known.report : undefined;
}
