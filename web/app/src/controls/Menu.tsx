import { useId, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode, type ToggleEvent } from "react";

export interface MenuItem {
  id: string;
  label: string;
  danger?: boolean;
  onSelect: () => void;
}

interface MenuProps {
  label: string;
  testId: string;
  className?: string;
  items: readonly MenuItem[];
  /** What the button shows. */
  children: ReactNode;
}

const MARGIN = 8;

/** A button with a menu: the browser closes it by Escape and by a click elsewhere, arrows go through it. */
export function Menu({ label, testId, className = "icon-button small", items, children }: MenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);

  const entries = () => [...(list.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  const onToggle = (event: ToggleEvent) => {
    const isOpen = event.newState === "open";
    setOpen(isOpen);
    if (!isOpen) return;
    placeIt();
    entries()[0]?.focus();
  };
  const placeIt = () => {
    if (button.current && list.current) place(list.current, button.current.getBoundingClientRect());
  };
  /* Items come and go while it is open. */
  useLayoutEffect(() => {
    if (open) placeIt();
  });
  const onKey = (event: KeyboardEvent) => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") list.current?.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  };
  const select = (item: MenuItem) => {
    list.current?.hidePopover();
    button.current?.focus();
    item.onSelect();
  };

  return (
    <>
      <button
        type="button"
        ref={button}
        className={className}
        data-testid={testId}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        popoverTarget={id}
      >
        {children}
      </button>
      <div id={id} ref={list} className="menu" role="menu" aria-label={label} popover="auto" onToggle={onToggle} onKeyDown={onKey}>
        {items.map((item) => (
          <button
            key={item.id}
            type="button"
            role="menuitem"
            tabIndex={-1}
            className={`menu-item ${item.danger ? "danger" : ""}`}
            data-testid={`${testId}-${item.id}`}
            onClick={() => select(item)}
          >
            {item.label}
          </button>
        ))}
      </div>
    </>
  );
}

/* Beside its button, wherever there is room on the screen. */
function place(menu: HTMLElement, { right, top, bottom }: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const x = Math.min(Math.max(MARGIN, right - width), innerWidth - width - MARGIN);
  const below = bottom + MARGIN / 2;
  const y = below + height <= innerHeight - MARGIN ? below : Math.max(MARGIN, top - height - MARGIN / 2);
  menu.style.left = `${Math.round(x)}px`;
  menu.style.top = `${Math.round(y)}px`;
}
