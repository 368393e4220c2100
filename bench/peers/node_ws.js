#!/usr/bin/env node
// ws, the WebSocket server that most Node.js programs use: echo. Node.js looks for the package in the folders
// above this file, and in NODE_PATH.
'use strict';
const { WebSocketServer } = require('ws');

const path = process.argv[2];
const http = require('http').createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
server.on('connection', (socket, request) => {
  request.socket.setNoDelay(true);
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.on('error', () => {});
});
const where = path ? { path: path.replace(/^unix:/, '') } : { host: '127.0.0.1', port: 0 };
http.listen({ ...where, backlog: 4096 }, () => {
  const endpoint = path || `tcp://127.0.0.1:${http.address().port}`;
  console.log(`listening on ${endpoint} (node-ws)`);
});
