import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { AipError } from '@aip/wire';

/** Longest secret that is read, in characters. */
const MAX_SECRET = 64 * 1024;

/**
 * A secret from a pipe, without the end of its last line, or typed unseen at a terminal. Never from the command line,
 * which every process of the machine can read and every shell remembers. Throws CONFIG_INVALID when it is too long.
 */
export async function readSecret(
  prompt: string,
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
): Promise<string> {
  if (input.isTTY) return typedUnseen(prompt, input, output);
  let text = '';
  for await (const chunk of input.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_SECRET + 2)
      throw new AipError('CONFIG_INVALID', `A secret has at most ${MAX_SECRET} characters.`);
  }
  return text.replace(/\r?\n$/, '');
}

async function typedUnseen(prompt: string, input: NodeJS.ReadStream, output: NodeJS.WriteStream): Promise<string> {
  output.write(prompt);
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: unseen, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    output.write('\n');
  }
}
