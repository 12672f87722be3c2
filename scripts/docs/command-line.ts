import { buildProgram } from '../../packages/platform/src/cli/program.ts';
import { GENERATED_NOTE } from './markdown.ts';

type Command = ReturnType<typeof buildProgram>;

const WIDTH = 100;

/** The `aip` command, or the command below it that the words name, as the program itself builds it. */
export function programForDocs(words: readonly string[] = []): Command {
  let command = buildProgram(NOWHERE, () => {});
  for (const word of words) {
    const next = command.commands.find((child) => child.name() === word);
    if (!next) throw new Error(`There is no command "aip ${words.join(' ')}".`);
    command = next;
  }
  return command;
}

const absent = (): never => {
  throw new Error('The command line is only described here.');
};

const NOWHERE: Parameters<typeof buildProgram>[0] = {
  env: {},
  cwd: '/',
  terminal: false,
  out: () => {},
  err: () => {},
  secret: absent,
  stopped: absent,
  local: absent,
};

/** docs/cli.md */
export function commandLinePage(): string {
  const sections = everyCommand(programForDocs()).map(({ words, command }) => {
    const heading = `${words.length === 1 ? '##' : '###'} ${words.join(' ')}`;
    return `${heading}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\``;
  });
  return `# The aip command

${GENERATED_NOTE}

Inside a checkout: \`npx --no aip <command>\`. This page is what \`--help\` prints, command by command.

${sections.join('\n\n')}
`;
}

interface Named {
  readonly words: readonly string[];
  readonly command: Command;
}

/** A command and all below it, in the order of the help; without the `help` that each of them has. */
function everyCommand(command: Command, above: readonly string[] = []): Named[] {
  const words = [...above, command.name()];
  return [{ words, command }, ...command.commands.flatMap((child) => everyCommand(child, words))];
}

function helpOf(command: Command): string {
  const written: string[] = [];
  command.configureOutput({
    writeOut: (text) => void written.push(text),
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return written.join('').trim().replaceAll(/ +$/gm, '');
}
