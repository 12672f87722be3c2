import { createNoopMeter, type Counter, type Histogram, type Meter, type UpDownCounter } from '@opentelemetry/api';

/** What the platform measures about itself. Attributes are few and bounded: edges, outcomes, codes. */
export interface Telemetry {
  /** Messages that reached the exchange, by edge, outcome and code. */
  readonly messages: Counter;
  /** Seconds from the dispatch of a task to its end, by edge. */
  readonly duration: Histogram;
  readonly tasksLive: UpDownCounter;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5, 30];

/** Without a meter nothing is measured, at next to no cost. */
export function createTelemetry(meter: Meter = createNoopMeter()): Telemetry {
  return {
    messages: meter.createCounter('aip_messages', {
      description: 'Messages that reached the exchange, by edge, outcome and code.',
    }),
    duration: meter.createHistogram('aip_message_duration_seconds', {
      description: 'Time from the dispatch of a task to its end.',
      advice: { explicitBucketBoundaries: SECONDS },
    }),
    tasksLive: meter.createUpDownCounter('aip_tasks_live', { description: 'Tasks that have not ended.' }),
  };
}

/** A value that is read when somebody asks for it. */
export function observe(meter: Meter, name: string, description: string, read: () => number): void {
  meter.createObservableGauge(name, { description }).addCallback((result) => result.observe(read()));
}
