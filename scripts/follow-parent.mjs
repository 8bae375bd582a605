// Loaded before an app by start.ts (node --import). If start.ts is killed, nobody is left to stop the app: the channel to it closes, and the
// app stops as on SIGTERM instead of holding its port for ever.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
// The channel alone keeps no app alive.
process.channel?.unref()
