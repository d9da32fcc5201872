// A TCP echo server on Node's net module, with callbacks.
//
// run: node node_callbacks.mjs PORT   port 0 lets the system choose; SIGINT and SIGTERM end it
//
// Node reads into buffers of its own, as large as it likes; the mark bounds what it keeps of them.

import net from 'node:net';

const CHUNK = 16 * 1024;
const BACKLOG = 1024;
const sockets = new Set();

function echo(socket) {
  sockets.add(socket);
  socket.on('data', (chunk) => {
    // Nothing more is read while the client does not read.
    if (!socket.write(chunk)) socket.pause();
  });
  socket.on('drain', () => socket.resume());
  // The client's end comes after all its bytes; our own waits until they have been sent back.
  socket.on('end', () => socket.end());
  socket.on('error', (error) => {
    // A client that has gone is no news.
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') console.error(error.message);
  });
  socket.on('close', () => sockets.delete(socket));
}

function serve(port) {
  const server = net.createServer(
    { noDelay: true, allowHalfOpen: true, highWaterMark: CHUNK },
    echo,
  );
  server.on('error', (error) => {
    console.error(`cannot serve: ${error.message}`);
    process.exitCode = 1;
  });
  const stop = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  server.listen({ host: '127.0.0.1', port, backlog: BACKLOG }, () => {
    console.log(`listening on 127.0.0.1:${server.address().port}`);
  });
}

if (process.argv[2] === '--version') console.log(`Node ${process.version}`);
else serve(Number(process.argv[2] ?? 0));
