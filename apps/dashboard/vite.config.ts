import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  base: '/ui/',
  plugins: [react()],
  build: {
    target: 'es2024',
    // Data URIs would need an exception in the Content-Security-Policy.
    assetsInlineLimit: 0,
  },
});
