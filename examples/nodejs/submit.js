// Submits a model and its validation data to an mltest coordinator, watches the job, prints the final table.
//
//   npm install
//   mltest-coordinator client-key my-client --out key/      # once, on the coordinator
//   MLTEST_KEY=key node submit.js HOST:PORT MODEL DATA [AGENT_HOST:PORT ...]
//
// It needs nothing of mltest but the proto/ folder (MLTEST_PROTO names it if it is elsewhere). Without MLTEST_KEY it
// speaks in the clear, which a coordinator takes on loopback only, with --insecure.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const PROTO = process.env.MLTEST_PROTO || path.join(__dirname, '..', '..', 'proto');
const CHUNK_BYTES = 1024 * 1024;
const DEADLINE_MS = 30_000;

function loadContract() {
  const files = ['blob_service.proto', 'coordinator_service.proto'].map((name) => path.join('mltest', 'v1', name));
  const options = { includeDirs: [PROTO], keepCase: true, longs: Number, enums: String, oneofs: true, defaults: true };
  return grpc.loadPackageDefinition(loader.loadSync(files, options)).mltest.v1;
}

function call(client, method, request) {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + DEADLINE_MS;
    client[method](request, { deadline }, (error, reply) => (error ? reject(error) : resolve(reply)));
  });
}

async function upload(blobs, file) {
  const bytes = fs.readFileSync(file);
  const sha256 = crypto.createHash('sha256').update(bytes).digest('hex');
  const status = await call(blobs, 'GetBlobStatus', { sha256 });
  if (!status.is_complete) await append(blobs, bytes, sha256, status.stored_bytes);
  return { name: path.basename(file), sha256 };
}

function append(blobs, bytes, sha256, start) {
  return new Promise((resolve, reject) => {
    const stream = blobs.PutBlob((error, reply) => (error ? reject(error) : resolve(reply)));
    stream.write({ header: { sha256, size_bytes: bytes.length, offset_bytes: start } });
    for (let at = start; at < bytes.length; at += CHUNK_BYTES) {
      stream.write({ chunk: bytes.subarray(at, at + CHUNK_BYTES) });
    }
    stream.end();
  });
}

function watch(coordinator, jobId) {
  return new Promise((resolve, reject) => {
    let state = 'JOB_STATE_UNSPECIFIED';
    const stream = coordinator.WatchJob({ job_id: jobId });
    stream.on('data', ({ event }) => {
      if (event.event === 'state_changed') {
        state = event.state_changed.state;
        console.error(`${state} ${event.state_changed.reason}`.trim());
      } else if (event.event === 'step_started') {
        console.error(event.step_started.text);
      }
    });
    stream.on('error', reject);
    stream.on('end', () => resolve(state));
  });
}

function printTable(standings) {
  for (const row of standings.rows) {
    const rank = row._rank ? String(row.rank) : '-';
    const speedup = row._speedup ? `${row.speedup.toFixed(2)}x` : '';
    console.log([rank, row.label, row.agent_name, row.standing, speedup, row.reason].join('\t'));
  }
}

// Mutual TLS: the coordinator is known by its certificate alone, whose common name is the name to expect.
function keyring(folder) {
  if (!folder) return [grpc.credentials.createInsecure(), {}];
  const [root, key, certificate] = ['coordinator.pem', 'key.pem', 'certificate.pem'].map((name) =>
    fs.readFileSync(path.join(folder, name)),
  );
  const name = new crypto.X509Certificate(root).subject.replace('CN=', '');
  return [grpc.credentials.createSsl(root, key, certificate), { 'grpc.ssl_target_name_override': name }];
}

async function main() {
  const [address, model, data, ...agents] = process.argv.slice(2);
  if (!data) throw new Error('usage: node submit.js HOST:PORT MODEL DATA [AGENT_HOST:PORT ...]');
  const contract = loadContract();
  const [credentials, options] = keyring(process.env.MLTEST_KEY);
  const blobs = new contract.BlobService(address, credentials, options);
  const coordinator = new contract.CoordinatorService(address, credentials, options);
  const spec = {
    model: await upload(blobs, model),
    data: [await upload(blobs, data)],
    plan_toml: process.env.MLTEST_PLAN || '',
    agent_addresses: agents,
    uses_discovery: agents.length === 0,
    uses_local_agent: agents.length === 0,
  };
  const { job_id: jobId } = await call(coordinator, 'SubmitJob', { spec });
  const state = await watch(coordinator, jobId);
  const { standings } = await call(coordinator, 'GetResults', { job_id: jobId });
  printTable(standings);
  blobs.close();
  coordinator.close();
  if (state !== 'JOB_STATE_DONE') process.exitCode = 1;
}

main().catch((error) => {
  const next = error.metadata && error.metadata.get('mltest-next-step')[0];
  console.error(`error: ${error.details || error.message}${next ? `\n  next: ${next}` : ''}`);
  process.exitCode = 1;
});
