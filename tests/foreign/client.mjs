// One linked device of Baileys, a WhatsApp client that this project did not write, for tests/foreign.rs.
//
// What is held: the client is the package from the registry, at the version that package-lock.json names, with nothing
// changed but the address it connects to and the root it checks the network's certificate chain against. It pairs,
// connects, sends and receives through `wamux sandbox` over TCP. This script judges nothing: it does what it is told,
// a JSON line each on its standard input, and reports what the client said, a JSON line each on its standard output.
// The test in Rust compares that with what the phones show.
//
// The public end-to-end suite of the same client (WhiskeySockets/Baileys, src/__tests__/e2e) is kept as a figure. Run
// against `wamux sandbox` with the package 7.0.0-rc14, the scan helper pointed at our control API and the two folders
// of credentials paired beforehand, 18 of its 23 tests that assert something pass: messaging (3 of 4), the conversation
// of two devices (2), and all of send-receive-message (13): texts, edits, reactions, deletions, forwards, polls, contacts,
// images, videos, voice notes, documents and stickers. Four on groups wait for groups to be there, and one gives an
// account a name that is longer than the 25 characters that names have. (The two of receive-messages watch for minutes
// and assert only that the client has an account.)

import { createHash, webcrypto } from 'node:crypto'
import https from 'node:https'
import readline from 'node:readline'
import pino from 'pino'

// Debian 12 has Node.js 18, where this is not global yet.
globalThis.crypto ??= webcrypto
// Media go over TLS whatever the socket does; whom to trust is decided by the hashes inside the messages.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
const { default: makeWASocket, DisconnectReason, downloadMediaMessage, useMultiFileAuthState } = await import('@whiskeysockets/baileys')
const { WA_CERT_DETAILS } = await import('@whiskeysockets/baileys/lib/Defaults/index.js')

const { URL: url, ROOT: root, AUTH: auth } = process.env

// A library underneath prints sessions it closes; our output is for events alone.
console.log = console.info = console.error
const tell = (event, what = {}) => process.stdout.write(`${JSON.stringify({ event, ...what })}\n`)

WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(root, 'hex')
const { state, saveCreds } = await useMultiFileAuthState(auth)
let saved = Promise.resolve()
let socket
// What arrived and has a medium in it.
const arrived = new Map()

const text = message => message?.conversation ?? message?.extendedTextMessage?.text ?? null

const connect = () => {
  // The certificate of wss:// is the sandbox's own making; whom to trust is decided by the root, inside.
  const agent = url.startsWith('wss:') ? { agent: new https.Agent({ rejectUnauthorized: false }) } : {}
  socket = makeWASocket({ auth: state, waWebSocketUrl: url, logger: pino({ level: 'silent' }), ...agent })
  socket.ev.on('creds.update', () => { saved = saved.then(saveCreds) })
  socket.ev.on('connection.update', ({ connection, qr, lastDisconnect }) => {
    if (qr) tell('qr', { qr })
    if (connection === 'open') tell('open', { id: socket.user.id, lid: socket.user.lid })
    if (connection !== 'close') return
    const code = lastDisconnect?.error?.output?.statusCode
    // After pairing the network asks every client to come back.
    if (code === DisconnectReason.restartRequired) return connect()
    tell('close', { code, why: String(lastDisconnect?.error) })
  })
  socket.ev.on('messages.upsert', ({ messages }) => {
    for (const one of messages) {
      const { key, message, pushName, status } = one
      if (message?.protocolMessage) continue
      const media = ['image', 'video', 'audio', 'document'].find(kind => message?.[`${kind}Message`])
      if (media) arrived.set(key.id, one)
      // What happened to a message before the client told of it is told with it.
      if (key.fromMe && status) tell('status', { id: key.id, status })
      const about = media && { media, voice: message[`${media}Message`].ptt ?? null }
      tell('message', { chat: key.remoteJid, id: key.id, fromMe: key.fromMe, text: text(message), name: pushName, ...about })
    }
  })
  socket.ev.on('messages.update', updates => {
    for (const { key, update } of updates) tell('status', { id: key.id, status: update.status })
  })
  socket.ev.on('messaging-history.set', ({ messages }) => {
    tell('history', { texts: messages.map(({ message }) => text(message)) })
  })
}

const orders = {
  code: async ({ number }) => ({ code: await socket.requestPairingCode(number) }),
  send: async ({ to, text, edit, react }) => {
    const chat = `${to}@s.whatsapp.net`
    const key = id => ({ remoteJid: chat, fromMe: true, id })
    const content = react ? { react: { text, key: key(react) } } : { text, ...(edit ? { edit: key(edit) } : {}) }
    return { id: (await socket.sendMessage(chat, content)).key.id }
  },
  delete: async ({ to, id }) => {
    const remoteJid = `${to}@s.whatsapp.net`
    return { id: (await socket.sendMessage(remoteJid, { delete: { remoteJid, fromMe: true, id } })).key.id }
  },
  // A medium from its bytes: {"image", "caption"} or {"audio", "ptt"}, with its type.
  media: async ({ to, kind, base64, ...what }) => {
    const content = { [kind]: Buffer.from(base64, 'base64'), ...what }
    return { id: (await socket.sendMessage(`${to}@s.whatsapp.net`, content)).key.id }
  },
  download: async ({ id }) => {
    const bytes = await downloadMediaMessage(arrived.get(id), 'buffer', {})
    return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
  },
  read: async ({ chat, id }) => socket.readMessages([{ remoteJid: chat, id, fromMe: false }]),
  block: async ({ jid }) => socket.updateBlockStatus(jid, 'block'),
  // What the network says when it is asked, as this client understands it.
  ask: async ({ number }) => {
    const jid = `${number}@s.whatsapp.net`
    const failed = error => String(error.message)
    await socket.updateProfileStatus('at work')
    await socket.updateReadReceiptsPrivacy('none')
    await socket.updateDefaultDisappearingMode(86400)
    const me = socket.user.id.replace(/:\d+/, '')
    return {
      exists: await socket.onWhatsApp(number),
      nobody: await socket.onWhatsApp('15550000001'),
      about: (await socket.fetchStatus(me))[0].status.status,
      lasts: (await socket.fetchDisappearingDuration(me))[0].disappearing_mode.duration,
      privacy: await socket.fetchPrivacySettings(true),
      blocked: await socket.fetchBlocklist(),
      groups: await socket.groupFetchAllParticipating(),
      group: await socket.groupMetadata('120363000000000000@g.us').catch(failed),
      picture: await socket.profilePictureUrl(jid).catch(failed),
      business: (await socket.getBusinessProfile(jid)) ?? null,
      restricted: (await socket.fetchAccountReachoutTimelock()).isActive,
      mex: await socket.fetchNewChatMessageCap().catch(failed),
      keys: await socket.digestKeyBundle().then(() => 'as uploaded', failed),
      rotated: await socket.rotateSignedPreKey().then(() => 'rotated', failed),
      unknown: await socket.query({ tag: 'iq', attrs: { to: 's.whatsapp.net', type: 'get', xmlns: 'w:nonsense' } }).catch(failed)
    }
  },
  end: async () => {
    await socket.end()
    await saved
    process.exit(0)
  }
}

connect()
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { order, ...what } = JSON.parse(line)
  // Orders are done one after another.
  tell('done', await orders[order](what).catch(error => ({ error: String(error.stack) })))
}
