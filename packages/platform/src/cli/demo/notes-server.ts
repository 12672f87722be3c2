import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import './leash.ts';

/** The MCP tool server of the demonstrations: notes in memory, one tool that reads and one that writes. */
const notes: { title: string; text: string }[] = [{ title: 'welcome', text: 'Agents read and write notes here.' }];

function notesServer(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  server.registerTool(
    'search_notes',
    { description: 'Finds notes that contain a word.', inputSchema: z.object({ word: z.string() }) },
    ({ word }) => ({
      content: [
        { type: 'text', text: JSON.stringify(notes.filter((note) => `${note.title} ${note.text}`.includes(word))) },
      ],
    }),
  );
  server.registerTool(
    'write_note',
    { description: 'Writes a note.', inputSchema: z.object({ title: z.string(), text: z.string() }) },
    (note) => {
      notes.push(note);
      return { content: [{ type: 'text', text: `Note ${notes.length} is written.` }] };
    },
  );
  return server;
}

const handler = toNodeHandler(createMcpHandler(notesServer));
const http = createServer(
  (request, response) => void handler(request as IncomingMessage & { method: string; url: string }, response),
);
http.listen(Number(process.env['NOTES_PORT'] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp\n`);
});
process.on('SIGTERM', () => process.exit(0));
