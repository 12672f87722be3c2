/** Ends this process when whoever started it is gone, however that ended: then nobody else would. */
process.stdin.resume().once('end', () => process.exit());
