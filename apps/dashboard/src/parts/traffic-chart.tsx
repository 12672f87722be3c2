import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { timeOfDay } from '../format.ts';
import { useLive, useNow } from '../live.tsx';
import { MAX_SECONDS, messageRate, type Second } from '../log-view.ts';

const HEIGHT = 116;
const rate = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 1 });

/** `1 message a second`, `4.2 messages a second`. */
export const perSecond = (value: number): string =>
  `${rate.format(value)} ${value === 1 ? 'message' : 'messages'} a second`;

/** Messages of the last two minutes, second by second, the denied ones on top. */
export function TrafficChart() {
  const { log } = useLive();
  const now = useNow();
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<UPlot>(undefined);
  const accepted = useRef<HTMLSpanElement>(null);
  const denied = useRef<HTMLSpanElement>(null);

  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    // The legend's colours are the chart's, so that both follow the scheme.
    const colour = (of: HTMLElement | null) => () => getComputedStyle(of ?? element).color;
    const plot = new UPlot(
      optionsFor(element.clientWidth, colour(accepted.current), colour(denied.current), colour(element)),
      [[], [], []],
      element,
    );
    chart.current = plot;
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, []);

  useEffect(() => {
    chart.current?.setData(columns(log.seconds, now));
  }, [log.seconds, now]);

  return (
    <figure className="traffic">
      <figcaption>
        <strong className="number">{perSecond(messageRate(log.seconds, now))}</strong>
        <span className="legend">
          <span className="accepted" ref={accepted}>
            accepted
          </span>
          <span className="denied" ref={denied}>
            denied
          </span>
        </span>
      </figcaption>
      <div ref={frame} className="chart" aria-hidden="true" />
    </figure>
  );
}

/** uPlot draws series over one another: the whole first where something was denied, then the accepted part. */
function columns(seconds: readonly Second[], now: number): UPlot.AlignedData {
  const bySecond = new Map(seconds.map((second) => [second.second, second]));
  // The running second is not over yet; it would always look like a lull.
  const end = Math.floor(now / 1000) - 1;
  const times = Array.from({ length: MAX_SECONDS }, (_, index) => end - MAX_SECONDS + 1 + index);
  const accepted = times.map((time) => bySecond.get(time)?.accepted ?? 0);
  const whole = times.map((time, index) => {
    const denied = bySecond.get(time)?.denied ?? 0;
    return denied === 0 ? null : (accepted[index] ?? 0) + denied;
  });
  return [times, whole, accepted];
}

function optionsFor(width: number, accepted: () => string, denied: () => string, ink: () => string): UPlot.Options {
  const bars = UPlot.paths.bars?.({ size: [0.8, 12, 1] });
  const series = (fill: () => string): UPlot.Series => ({
    fill,
    width: 0,
    points: { show: false },
    ...(bars ? { paths: bars } : {}),
  });
  const font = '11px ui-sans-serif, system-ui, sans-serif';
  return {
    width,
    height: HEIGHT,
    padding: [8, 0, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: true }, y: { range: (_plot, _min, max) => [0, Math.max(4, max * 1.1)] } },
    axes: [
      {
        stroke: ink,
        font,
        size: 22,
        space: 90,
        grid: { show: false },
        ticks: { show: false },
        values: (_plot, times) => times.map((time) => timeOfDay(time * 1000)),
      },
      {
        stroke: ink,
        font,
        size: 34,
        space: 36,
        grid: { show: false },
        ticks: { show: false },
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000],
      },
    ],
    series: [{}, series(denied), series(accepted)],
  };
}
