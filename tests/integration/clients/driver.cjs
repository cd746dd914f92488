// Runs an unmodified mem0 client for Node: the same lines as driver.py, which says what they are.
// The folder of the client's package is the only argument.

"use strict";

const asyncHooks = require("node:async_hooks");
const readline = require("node:readline");

// Every connection and every look-up passes through one of these two; their host is set after init.
const turns = [];
const KINDS = new Set(["TCPCONNECTWRAP", "GETADDRINFOREQWRAP"]);
asyncHooks
  .createHook({
    init(id, kind, trigger, resource) {
      if (KINDS.has(kind)) turns.push(resource);
    },
  })
  .enable();

const { MemoryClient } = require(process.argv[2]);

async function answer(request, clients) {
  if ("reached" in request) {
    return [...new Set(turns.map((turn) => turn.address ?? turn.hostname))].sort();
  }
  if ("open" in request) {
    const client = (clients[request.open] = new MemoryClient(request.options));
    await client.ping(); // what the constructor does too, but without a word about its outcome
    return { org_id: client.organizationId, project_id: client.projectId };
  }
  const client = clients[request.on];
  return client[request.call](...request.args);
}

function kinds(error) {
  const names = [error.name];
  for (let kind = error; kind; kind = Object.getPrototypeOf(kind)) names.push(kind.constructor.name);
  return [...new Set(names)];
}

async function main() {
  const clients = {};
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let said;
    try {
      said = { result: (await answer(JSON.parse(line), clients)) ?? null };
    } catch (error) {
      said = { error: { kinds: kinds(error), message: String(error.message) } };
    }
    process.stdout.write(JSON.stringify(said) + "\n");
  }
}

main();
