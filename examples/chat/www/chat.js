// The address "#room" joins that room at once; "#room=hello" also says hello there.
"use strict";
const element = id => document.getElementById(id);
let socket = null;

function show(text) {
  const line = document.createElement("li");
  line.textContent = text;  // not innerHTML: the text is from others
  element("messages").append(line);
  line.scrollIntoView();
}

function setOpen(open) {
  element("state").textContent = open ? "connected" : "not connected";
  element("text").disabled = element("send").disabled = !open;
}

function join(room, greeting) {
  if (socket) socket.onclose = null;
  if (socket) socket.close();
  const scheme = location.protocol === "https:" ? "wss://" : "ws://";
  socket = new WebSocket(scheme + location.host + "/rooms/" + encodeURIComponent(room));
  socket.onopen = () => {
    setOpen(true);
    if (greeting) socket.send(greeting);
  };
  socket.onmessage = event => show(event.data);
  socket.onclose = () => setOpen(false);
}

element("join").onclick = event => {
  event.preventDefault();
  if (element("room").value) join(element("room").value);
};
element("send").onclick = event => {
  event.preventDefault();
  if (element("text").value) socket.send(element("text").value);
  element("text").value = "";
};
if (location.hash) {
  const [room, greeting] = decodeURIComponent(location.hash.slice(1)).split("=");
  element("room").value = room;
  join(room, greeting);
}
