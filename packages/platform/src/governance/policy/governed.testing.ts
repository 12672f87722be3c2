import { openTestCore, toolCall, type TestCore } from '../../main/testing.ts';

export const ADMIN = '@id("admin") permit (principal in Role::"admin", action, resource);\n';

/** A core whose callers may do what this text says. */
export const withPolicy = (folder: string, text: string) =>
  openTestCore(folder, { policies: { 'test.cedar': ADMIN + text } });

/** Sends and returns the end; a denial is returned as its code. */
export async function outcome(core: TestCore, session: TestCore['admin'], input = {}): Promise<unknown> {
  try {
    const call = await core.exchange.send(session, toolCall('write', input));
    return await call.ended;
  } catch (error) {
    return (error as { code: string }).code;
  }
}
