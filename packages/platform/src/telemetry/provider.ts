import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

export interface Metrics {
  readonly meter: Meter;
  /** What `/metrics` answers: Prometheus text exposition format 0.0.4. */
  render(): Promise<string>;
  stop(): Promise<void>;
}

/** A metrics provider of its own for each platform in the process, read on demand. */
export function openMetrics(version: string): Metrics {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const service = resourceFromAttributes({ 'service.name': 'aip', 'service.version': version });
  const provider = new MeterProvider({ readers: [reader], resource: defaultResource().merge(service) });
  const serializer = new PrometheusSerializer();
  return {
    meter: provider.getMeter('aip'),
    async render() {
      const { resourceMetrics } = await reader.collect();
      return serializer.serialize(resourceMetrics);
    },
    stop: () => provider.shutdown(),
  };
}
