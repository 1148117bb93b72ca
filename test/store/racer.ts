// A process that opens a store whenever it is told to, at the same moment as others, and says whether it may have it. It
// gives it back when it is told no path.
import { openSqlite } from '../../src/store/sqlite.ts';
import { StoreInUseError } from '../../src/store/sqlite-lock.ts';
import type { Store } from '../../src/store/store.ts';

let store: Store | undefined;

process.on('message', (path: string) => {
  void (async () => {
    if (path === '') {
      await store?.close();
      store = undefined;
      process.send?.('closed');
      return;
    }
    try {
      store = await openSqlite(path, { exclusive: true });
      await store.dueTimes.init(`opened by ${process.pid}`, 1);
      process.send?.('won');
    } catch (error) {
      process.send?.(error instanceof StoreInUseError ? 'refused' : String(error));
    }
  })();
});
process.send?.('ready');
