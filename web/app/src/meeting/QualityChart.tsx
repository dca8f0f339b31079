import type { Mark } from "../lib/freezes.js";
import { linePoints, type Reading } from "../lib/history.js";
import { formatNumber } from "../lib/language.js";
import { formatBitrate, formatPercent } from "../lib/text.js";
import { t } from "../messages.js";

export const CHART_WIDTH = 200;
const HEIGHT = 26;
const MARGIN = 2;

/** Bitrate, loss and round trip over the last two minutes, each in a strip of its own scale. */
export function QualityChart({ readings }: { readings: readonly Reading[] }) {
  const trips = readings.flatMap(({ rttMs }) => (rttMs === undefined ? [] : [rttMs]));
  return (
    <figure className="quality-chart" data-testid="quality-chart">
      <figcaption>{t.quality.chart}</figcaption>
      <Strip what={t.quality.bitrate} tone="bitrate" values={readings.map((reading) => reading.bitrateBps)} format={formatBitrate} />
      <Strip what={t.quality.loss} tone="loss" values={readings.map((reading) => reading.loss)} format={formatPercent} />
      {trips.length > 0 && <Strip what={t.quality.delay} tone="delay" values={trips} format={(ms) => `${formatNumber(ms)} ms`} />}
    </figure>
  );
}

interface StripProps {
  what: string;
  tone: "bitrate" | "loss" | "delay";
  values: readonly number[];
  format: (value: number) => string;
  marks?: readonly Mark[];
}

/** One line of a chart, scaled to its highest value; freezes lie behind it. */
export function Strip({ what, tone, values, format, marks = [] }: StripProps) {
  const words = t.quality.now(what, format(values.at(-1) ?? 0), format(Math.max(0, ...values)));
  return (
    <div>
      <span aria-hidden="true">{what}</span>
      <svg className={`strip-chart ${tone}`} role="img" aria-label={words} viewBox={`0 ${-MARGIN} ${CHART_WIDTH} ${HEIGHT + 2 * MARGIN}`} preserveAspectRatio="none">
        <title>{words}</title>
        {marks.map(({ x, width }) => (
          <rect key={x} x={x} y={-MARGIN} width={width} height={HEIGHT + 2 * MARGIN} />
        ))}
        <polyline points={linePoints(values, CHART_WIDTH, HEIGHT)} />
      </svg>
    </div>
  );
}
