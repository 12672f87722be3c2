import { describe, expect, it } from 'vitest';
import { openShadow } from './shadow.ts';
import { ask, unvalidated } from './testing.ts';

type Answer = 'true' | 'false' | 'error';

function table(name: string, rows: readonly (readonly [condition: string, answer: Answer])[]): void {
  describe(name, () => {
    it.each(rows)('%s is %s', async (condition, answer) => {
      const set = await unvalidated(`permit (principal, action, resource) when { ${condition} };`);
      using shadow = openShadow(set);
      const { closures, cedar } = shadow.compare(ask());
      for (const { effect, errors } of [closures, cedar]) {
        expect(errors.length > 0 ? 'error' : String(effect === 'permit')).toBe(answer);
      }
      expect(set.policies[0]?.native).toBe(true);
    });
  });
}

table('decimal', [
  ['decimal("1.5").lessThan(decimal("1.6"))', 'true'],
  ['decimal("1.5").lessThanOrEqual(decimal("1.50"))', 'true'],
  ['decimal("-1.5").greaterThan(decimal("-1.6"))', 'true'],
  ['decimal("0.0001").greaterThanOrEqual(decimal("0.0002"))', 'false'],
  ['decimal("-0.0") == decimal("0.0")', 'true'],
  ['decimal("01.10") == decimal("1.1")', 'true'],
  ['decimal("922337203685477.5807").greaterThan(decimal("-922337203685477.5808"))', 'true'],
  ['decimal("922337203685477.5808") == decimal("1.0")', 'error'],
  ['decimal("1") == decimal("1.0")', 'error'],
  ['decimal("1.00000") == decimal("1.0")', 'error'],
  ['decimal(".5") == decimal("0.5")', 'error'],
  ['decimal("5.") == decimal("5.0")', 'error'],
  ['decimal("+1.0") == decimal("1.0")', 'error'],
  ['decimal(1) == decimal("1.0")', 'error'],
  ['decimal("1.0").lessThan(1)', 'error'],
]);

table('ip', [
  ['ip("10.1.2.3").isIpv4()', 'true'],
  ['ip("::1").isIpv6()', 'true'],
  ['ip("::1").isIpv4()', 'false'],
  ['ip("10.1.2.3").isInRange(ip("10.0.0.0/8"))', 'true'],
  ['ip("10.1.2.3/16").isInRange(ip("10.1.9.9/16"))', 'true'],
  ['ip("10.0.0.0/8").isInRange(ip("10.0.0.0/16"))', 'false'],
  ['ip("1.2.3.4").isInRange(ip("0.0.0.0/0"))', 'true'],
  ['ip("0.0.0.0/0").isInRange(ip("::/0"))', 'false'],
  ['ip("2001:db8::1").isInRange(ip("2001:DB8::/32"))', 'true'],
  ['ip("10.0.0.1/8") == ip("10.0.0.2/8")', 'false'],
  ['ip("10.0.0.1") == ip("10.0.0.1/32")', 'true'],
  ['ip("1:2:3:4:5:6:7::") == ip("1:2:3:4:5:6:7:0")', 'true'],
  ['ip("127.0.0.0/8").isLoopback()', 'true'],
  ['ip("127.0.0.0/7").isLoopback()', 'false'],
  ['ip("::1").isLoopback()', 'true'],
  ['ip("::1/127").isLoopback()', 'false'],
  ['ip("224.0.0.0/4").isMulticast()', 'true'],
  ['ip("224.0.0.0/3").isMulticast()', 'false'],
  ['ip("ff02::1").isMulticast()', 'true'],
  ['ip("010.0.0.1").isIpv4()', 'error'],
  ['ip("10.0.0").isIpv4()', 'error'],
  ['ip("256.0.0.1").isIpv4()', 'error'],
  ['ip("10.0.0.0/33").isIpv4()', 'error'],
  ['ip("10.0.0.0/08").isIpv4()', 'error'],
  ['ip("10.0.0.0/").isIpv4()', 'error'],
  ['ip("10.0.0.0/8/8").isIpv4()', 'error'],
  ['ip("::ffff:1.2.3.4").isIpv6()', 'error'],
  ['ip("1::2::3").isIpv6()', 'error'],
  ['ip("1:2:3:4:5:6:7:8::").isIpv6()', 'error'],
  ['ip("1:2:3:4:5:6:7").isIpv6()', 'error'],
  ['ip("12345::").isIpv6()', 'error'],
  ['ip("::1%eth0").isIpv6()', 'error'],
  ['ip("").isIpv4()', 'error'],
  ['"10.0.0.1".isIpv4()', 'error'],
]);

table('datetime', [
  ['datetime("2024-01-01") == datetime("2024-01-01T00:00:00Z")', 'true'],
  ['datetime("2024-01-01T01:30:00+0130") == datetime("2024-01-01")', 'true'],
  ['datetime("2023-12-31T22:30:00.000-0130") == datetime("2024-01-01")', 'true'],
  ['datetime("2024-01-01T00:00:00.001Z") > datetime("2024-01-01")', 'true'],
  ['datetime("2024-02-29") < datetime("2024-03-01")', 'true'],
  ['datetime("0000-01-01") < datetime("0050-01-01")', 'true'],
  ['datetime("2023-02-29") < datetime("2024-03-01")', 'error'],
  ['datetime("2024-13-01") < datetime("2024-03-01")', 'error'],
  ['datetime("2024-01-01T24:00:00Z") > datetime("2024-01-01")', 'error'],
  ['datetime("2024-01-01T23:59:60Z") > datetime("2024-01-01")', 'error'],
  ['datetime("2024-01-01T00:00:00") > datetime("2024-01-01")', 'error'],
  ['datetime("2024-01-01T00:00:00.1Z") > datetime("2024-01-01")', 'error'],
  ['datetime("2024-01-01T00:00:00+2400") < datetime("2024-01-01")', 'error'],
  ['datetime("2024-01-01T00:00:00+2359") < datetime("2024-01-01")', 'true'],
  ['datetime("2024-01-01T00:00:00+0060") < datetime("2024-01-01")', 'error'],
  ['datetime("2024-1-1") < datetime("2024-01-01")', 'error'],
  ['datetime("2024-01-01").offset(duration("-1d")) == datetime("2023-12-31")', 'true'],
  ['datetime("2024-01-01").offset(duration("9223372036854775807ms")) > datetime("2024-01-01")', 'error'],
  ['datetime("2024-01-02").durationSince(datetime("2024-01-01")) == duration("1d")', 'true'],
  ['datetime("1969-12-31T23:00:00Z").toDate() == datetime("1969-12-31")', 'true'],
  ['datetime("1969-12-31T23:00:00Z").toTime() == duration("23h")', 'true'],
  ['datetime("1970-01-01").offset(duration("-9223372036854775808ms")).toDate() < datetime("1970-01-01")', 'error'],
]);

table('duration', [
  ['duration("1d2h3m4s5ms").toMilliseconds() == 93784005', 'true'],
  ['duration("90m").toHours() == 1', 'true'],
  ['duration("-90m").toHours() == -1', 'true'],
  ['duration("90s").toMinutes() == 1', 'true'],
  ['duration("1500ms").toSeconds() == 1', 'true'],
  ['duration("36h").toDays() == 1', 'true'],
  ['duration("5ms") < duration("5m")', 'true'],
  ['duration("0001d") == duration("24h")', 'true'],
  ['duration("9223372036854775807ms").toMilliseconds() > 9007199254740991', 'true'],
  ['duration("-9223372036854775808ms") < duration("0ms")', 'true'],
  ['duration("9223372036854775808ms") > duration("0ms")', 'error'],
  ['duration("106751991168d") > duration("0ms")', 'error'],
  ['duration("1h1d") > duration("0ms")', 'error'],
  ['duration("1d1d") > duration("0ms")', 'error'],
  ['duration("1") > duration("0ms")', 'error'],
  ['duration("-") > duration("0ms")', 'error'],
  ['duration("") > duration("0ms")', 'error'],
  ['duration("1d").toDate() == datetime("2024-01-01")', 'error'],
]);
