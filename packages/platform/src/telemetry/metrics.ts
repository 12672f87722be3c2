import { metrics } from '@opentelemetry/api';

/** Instruments of the platform. Without an installed provider each call costs next to nothing. */
const meter = metrics.getMeter('aip');

export const messagesTotal = meter.createCounter('aip_messages', { description: 'Messages that reached the exchange, by edge, outcome and code.' });
export const messageDuration = meter.createHistogram('aip_message_duration', {
  description: 'Time from acceptance to the end of a task.',
  unit: 's',
  advice: { explicitBucketBoundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5, 30] },
});
export const tasksLive = meter.createUpDownCounter('aip_tasks_live', { description: 'Tasks that have not ended.' });
export const sessionsLive = meter.createUpDownCounter('aip_sessions_live', { description: 'Connections attached to the exchange, by edge.' });
export const refusalsTotal = meter.createCounter('aip_refusals', { description: 'Requests refused before the log, by code.' });
