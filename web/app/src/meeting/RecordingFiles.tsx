import { formatSize, nameOf, type Manifest } from "../lib/recording.js";

/** Every file of a recording, to be downloaded. */
export function RecordingFiles({ manifest, url }: { manifest: Manifest; url: (file: string) => string | undefined }) {
  const files = manifest.files.map(({ file, bytes, participant }) => ({ file, about: `${nameOf(manifest, participant)} · ${formatSize(bytes)}` }));
  return (
    <ul className="recording-files">
      {[...files, { file: "manifest.json", about: "" }].map(({ file, about }) => (
        <li key={file}>
          <a href={url(file)} download={file} data-testid="recording-download">
            {file}
          </a>{" "}
          {about}
        </li>
      ))}
    </ul>
  );
}
