interface SwitchProps {
  label: string;
  help?: string;
  testId: string;
  on: boolean;
  onChange: (on: boolean) => void;
}

/** Something that is on or off. */
export function Switch({ label, help, testId, on, onChange }: SwitchProps) {
  return (
    <label className="switch">
      <span>
        {label}
        {help && <small>{help}</small>}
      </span>
      <input type="checkbox" role="switch" data-testid={testId} checked={on} onChange={(event) => onChange(event.target.checked)} />
    </label>
  );
}
