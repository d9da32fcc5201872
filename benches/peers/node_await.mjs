// A TCP echo server on Node's net module, with async functions.
//
// run: node node_await.mjs PORT   port 0 lets the system choose; SIGINT and SIGTERM end it
//
// Node reads into buffers of its own, as large as it likes; the mark bounds what it keeps of them.

import { once } from 'node:events';
import net from 'node:net';

const CHUNK = 16 * 1024;
const BACKLOG = 1024;
const sockets = new Set();

// A loop over the socket itself would destroy the socket at the client's end, unsent bytes and all.
const chunksOf = (socket) => socket.iterator({ destroyOnReturn: false });

async function echo(socket) {
  for await (const chunk of chunksOf(socket)) {
    // Nothing more is read while the client does not read.
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  socket.end();
}

async function take(socket) {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
  // What ends a socket is thrown into the loop, too, but not when the loop is over.
  socket.on('error', (error) => {
    // A client that has gone is no news.
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') console.error(error.message);
  });
  try {
    await echo(socket);
  } catch (error) {
    // Nothing happens here unless the socket is still whole: then the error is ours, and is told.
    socket.destroy(error);
  }
}

async function serve(port) {
  const server = net.createServer(
    { noDelay: true, allowHalfOpen: true, highWaterMark: CHUNK },
    take,
  );
  server.listen({ host: '127.0.0.1', port, backlog: BACKLOG });
  await once(server, 'listening');
  const stop = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  console.log(`listening on 127.0.0.1:${server.address().port}`);
}

if (process.argv[2] === '--version') {
  console.log(`Node ${process.version}`);
} else {
  try {
    await serve(Number(process.argv[2] ?? 0));
  } catch (error) {
    console.error(`cannot serve: ${error.message}`);
    process.exitCode = 1;
  }
}
