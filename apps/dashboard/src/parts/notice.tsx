import { createContext, useCallback, useContext, useEffect, useState, type ReactNode } from 'react';

const NoticeContext = createContext<(text: string) => void>(() => {});

/** Says the result of something the user did, to eyes and to screen readers. */
export const useNotify = (): ((text: string) => void) => useContext(NoticeContext);

/** How long a notice stays, in milliseconds. */
const SHOWN = 8_000;

export function NoticeProvider({ children }: { children: ReactNode }) {
  const [notice, setNotice] = useState<{ text: string }>();
  const notify = useCallback((text: string) => setNotice({ text }), []);

  useEffect(() => {
    if (!notice) return undefined;
    const timer = setTimeout(() => setNotice(undefined), SHOWN);
    return () => clearTimeout(timer);
  }, [notice]);

  return (
    <NoticeContext value={notify}>
      {children}
      <output className="notices">{notice && <span className="notice">{notice.text}</span>}</output>
    </NoticeContext>
  );
}
