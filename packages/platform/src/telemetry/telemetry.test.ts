import { claim } from '@aip/conformance';
import { expect, test } from 'vitest';
import { openMetrics } from './provider.ts';
import { createTelemetry, observe } from './telemetry.ts';

test(`each platform in a process has numbers of its own, in the text format of Prometheus ${claim('T-METRICS.endpoint')}`, async () => {
  const [one, two] = [openMetrics('1.2.3'), openMetrics('1.2.3')];
  const telemetry = createTelemetry(one.meter);
  telemetry.messages.add(2, { edge: 'mcp', outcome: 'accepted', code: 'OK' });
  telemetry.messages.add(1, { edge: 'a2a', outcome: 'denied', code: 'KILLED' });
  telemetry.tasksLive.add(3);
  telemetry.tasksLive.add(-1);
  telemetry.duration.record(0.003, { edge: 'mcp' });
  let agents = 4;
  observe(one.meter, 'aip_agents_connected', 'Agents connected now.', () => agents);
  const text = await one.render();
  expect(text).toMatch(/^target_info\{[^}]*service_name="aip",[^}]*service_version="1\.2\.3"/m);
  expect(text).toMatch(/^# TYPE aip_messages_total counter$/m);
  expect(text).toMatch(/^aip_messages_total\{[^}]*edge="mcp"[^}]*\} 2/m);
  expect(text).toMatch(/^aip_messages_total\{[^}]*code="KILLED"[^}]*\} 1/m);
  expect(text).toMatch(/^aip_tasks_live(?:\{[^}]*\})? 2/m);
  expect(text).toMatch(/^aip_message_duration_seconds_bucket\{[^}]*le="0\.005"[^}]*\} 1/m);
  expect(text).toMatch(/^aip_agents_connected(?:\{[^}]*\})? 4/m);
  agents = 5;
  expect(await one.render()).toMatch(/^aip_agents_connected(?:\{[^}]*\})? 5/m);
  expect(await two.render()).not.toContain('aip_messages');
  await one.stop();
  await two.stop();
});

test('nothing is measured without a meter, and nothing fails', () => {
  const telemetry = createTelemetry();
  telemetry.messages.add(1);
  telemetry.tasksLive.add(1);
  telemetry.duration.record(1);
});
