import type { ReactNode } from "react";

function icon(name: string, shape: ReactNode) {
  function Icon({ className = "" }: { className?: string }) {
    return (
      <svg className={`icon ${className}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        {shape}
      </svg>
    );
  }
  Icon.displayName = name;
  return Icon;
}

const slash = <path d="M4 4l16 16" />;

export const MicIcon = icon("Mic", <><rect x="9" y="3" width="6" height="11" rx="3" /><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" /></>);
export const MicOffIcon = icon("MicOff", <><path d="M15 9.5V6a3 3 0 0 0-5.7-1.3M9 9v2a3 3 0 0 0 4.6 2.5M5.5 11.5a6.5 6.5 0 0 0 10 5.5M18.5 11.5c0 1-.2 1.9-.6 2.7M12 18v3" />{slash}</>);
export const CameraIcon = icon("Camera", <><rect x="2.5" y="6" width="13" height="12" rx="3" /><path d="M15.5 10.5l6-3.3v9.6l-6-3.3" /></>);
export const CameraOffIcon = icon("CameraOff", <><path d="M10 6h2.5a3 3 0 0 1 3 3v1.5l6-3.3v9.6l-3-1.65M15.5 15.5a3 3 0 0 1-3 2.5h-7a3 3 0 0 1-3-3V9a3 3 0 0 1 2.5-2.95" />{slash}</>);
export const ScreenIcon = icon("Screen", <><rect x="2.5" y="4" width="19" height="13" rx="2.5" /><path d="M8 21h8M12 14V8M9.2 10.5L12 7.7l2.8 2.8" /></>);
export const ScreenOffIcon = icon("ScreenOff", <><rect x="2.5" y="4" width="19" height="13" rx="2.5" /><path d="M8 21h8M9.5 8l5 5M14.5 8l-5 5" /></>);
export const ChatIcon = icon("Chat", <path d="M4.5 4h15A2.5 2.5 0 0 1 22 6.5v8a2.5 2.5 0 0 1-2.5 2.5H11l-5 4v-4H4.5A2.5 2.5 0 0 1 2 14.5v-8A2.5 2.5 0 0 1 4.5 4zM7.5 9h9M7.5 12.5h5.5" />);
export const PeopleIcon = icon("People", <><circle cx="9" cy="8" r="3.5" /><path d="M2.5 20c.3-3.8 3-6 6.5-6s6.2 2.2 6.5 6M15.5 4.9a3.5 3.5 0 0 1 0 6.2M18 14.6c2.1.8 3.3 2.7 3.5 5.4" /></>);
export const LeaveIcon = icon("Leave", <path d="M3.3 15.6c-.9-1.1-1-2.9.3-4.1 4.7-4.2 12.1-4.2 16.8 0 1.3 1.2 1.2 3 .3 4.1-.5.6-1.3.7-2 .4l-2.5-1.1c-.6-.3-1-.9-1-1.5l.1-1.5a10.5 10.5 0 0 0-6.6 0l.1 1.5c0 .6-.4 1.2-1 1.5L5.3 16c-.7.3-1.5.2-2-.4z" />);
export const SettingsIcon = icon("Settings", <><path d="M3 7h9M18 7h3M3 17h3M12 17h9" /><circle cx="15" cy="7" r="2.7" /><circle cx="9" cy="17" r="2.7" /></>);
export const LinkIcon = icon("Link", <path d="M10 14a4 4 0 0 0 5.7 0l3.6-3.6a4 4 0 0 0-5.7-5.7l-1.3 1.3M14 10a4 4 0 0 0-5.7 0l-3.6 3.6a4 4 0 0 0 5.7 5.7l1.3-1.3" />);
export const CheckIcon = icon("Check", <path d="M4.5 12.5l5 5 10-11" />);
export const CloseIcon = icon("Close", <path d="M5.5 5.5l13 13M18.5 5.5l-13 13" />);
export const PinIcon = icon("Pin", <path d="M9 3.5h6l-.8 6.5 3.3 3.5v1.5h-11v-1.5L9.8 10zM12 15v6" />);
export const LeftIcon = icon("ChevronLeft", <path d="M14.5 5l-7 7 7 7" />);
export const RightIcon = icon("ChevronRight", <path d="M9.5 5l7 7-7 7" />);
export const WarningIcon = icon("Warning", <path d="M12 4L2.8 20h18.4zM12 10v4.5M12 17.2v.3" />);
export const SpeakerIcon = icon("Speaker", <path d="M4 9.5v5h3.5L12 19V5L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.2a8.2 8.2 0 0 1 0 11.6" />);
export const SpeakerOffIcon = icon("SpeakerOff", <path d="M4 9.5v5h3.5L12 19V5L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5" />);
export const SendIcon = icon("Send", <path d="M4 12L3 4.2 21.5 12 3 19.8zM4 12h8" />);
export const PencilIcon = icon("Pencil", <path d="M4 20l1-4.5L16 4.5l3.5 3.5-11 11zM13.5 7l3.5 3.5" />);
export const ArrowIcon = icon("Arrow", <path d="M4 12h16M13.5 5.5L20 12l-6.5 6.5" />);

export const HandIcon = icon("Hand", <path d="M8 12.5V5.7a1.6 1.6 0 0 1 3.2 0V11M11.2 10.5V4.1a1.6 1.6 0 0 1 3.2 0v6.7M14.4 11V5.6a1.6 1.6 0 0 1 3.2 0v8.6c0 4.2-2.5 6.8-6.1 6.8-3 0-4.4-1.4-5.9-4.3l-1.8-3.6a1.6 1.6 0 0 1 2.8-1.5L8 13.8" />);
export const ReactIcon = icon("React", <><circle cx="12" cy="12" r="9" /><path d="M8.2 14.2c.8 1.6 2.2 2.4 3.8 2.4s3-.8 3.8-2.4M9 9.4v.3M15 9.4v.3" /></>);
export const MoreIcon = icon("More", <g className="dots"><circle cx="12" cy="5" r="1.9" /><circle cx="12" cy="12" r="1.9" /><circle cx="12" cy="19" r="1.9" /></g>);
export const SearchIcon = icon("Search", <><circle cx="10.5" cy="10.5" r="6" /><path d="M15 15l5.5 5.5" /></>);
export const DoorIcon = icon("Door", <><path d="M6 21V4.5A1.5 1.5 0 0 1 7.5 3h9A1.5 1.5 0 0 1 18 4.5V21M3 21h18M14.5 12v.2" /></>);
export const RoomsIcon = icon("Rooms", <><rect x="3" y="3.5" width="7.5" height="7.5" rx="1.8" /><rect x="13.5" y="3.5" width="7.5" height="7.5" rx="1.8" /><rect x="3" y="13.5" width="7.5" height="7.5" rx="1.8" /><rect x="13.5" y="13.5" width="7.5" height="7.5" rx="1.8" /></>);
export const PlayIcon = icon("Play", <path d="M8 5.2v13.6L19 12z" />);
export const PauseIcon = icon("Pause", <path d="M8.5 5.5v13M15.5 5.5v13" />);
export const LockIcon = icon("Lock", <><rect x="5" y="10.5" width="14" height="10" rx="2.5" /><path d="M8 10.5V7.8a4 4 0 0 1 8 0v2.7" /></>);
export const PersonAddIcon = icon("PersonAdd", <><circle cx="10" cy="8" r="3.5" /><path d="M3.5 20c.3-3.8 3-6 6.5-6 1.4 0 2.6.3 3.6 1M18 13.5v7M14.5 17h7" /></>);

/** The mark beside the product's name. */
export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" className="logo-ground" />
      <circle cx="16" cy="10" r="3.6" className="logo-dot" />
      <circle cx="9.4" cy="20.6" r="3.6" className="logo-dot logo-dot-2" />
      <circle cx="22.6" cy="20.6" r="3.6" className="logo-dot logo-dot-3" />
    </svg>
  );
}
