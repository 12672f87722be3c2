import { Agent, request as httpRequest } from 'node:http';

/** One request of a scenario, made anew for every call. */
export interface Shot {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * A closed loop of `clients` keep-alive connections.
 *
 * @returns the latency of every call in milliseconds
 */
export async function fire(
  url: string,
  clients: number,
  calls: number,
  shot: (n: number) => Shot,
  check: (body: string) => boolean,
): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const latencies: number[] = [];
  let next = 0;
  async function client(): Promise<void> {
    while (next < calls) {
      const started = performance.now();
      const body = await post(url, agent, shot(next++));
      latencies.push(performance.now() - started);
      if (!check(body)) throw new Error(`unexpected answer: ${body.slice(0, 300)}`);
    }
  }
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
  return latencies;
}

function post(url: string, agent: Agent, { path, headers, body }: Shot): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
    };
    const request = httpRequest(`${url}${path}`, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks).toString()));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}
