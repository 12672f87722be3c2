import process from 'node:process';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig(({ command }) => {
  // What is built is what is shipped: under a test runner's NODE_ENV it would be React for development, twice as large.
  if (command === 'build') process.env['NODE_ENV'] = 'production';
  return {
    base: '/ui/',
    plugins: [react()],
    build: {
      target: 'es2024',
      // Data URIs would need an exception in the Content-Security-Policy.
      assetsInlineLimit: 0,
    },
  };
});
