import { createServer } from 'node:http';
import { jsonRpcHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import express from 'express';
import { handler } from './a2a-handler.ts';
import { announce } from './report.ts';

/** The official A2A SDK's server as its documentation builds it: on Express. */
const app = express();
app.use('/', jsonRpcHandler({ requestHandler: handler, userBuilder: UserBuilder.noAuthentication }));
const server = createServer(app);
server.listen(0, '127.0.0.1', () => announce(server));
