import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

import {
  CompiledQuery,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';

/** Prepared statements kept per connection. */
const CACHED_STATEMENTS = 100;

/** Longer ones are bulk writes of one particular length: keeping them would cost more than it saves. */
const CACHED_SQL_LENGTH = 16_384;

export interface DialectHooks {
  /** After each transaction that could write was committed. Must not throw. */
  readonly onCommit?: () => void;
  /** With whatever a statement threw. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Kysely on `node:sqlite`: one connection to one open database. Kysely lends a dialect's only connection to one query or
 * transaction at a time (`supportsMultipleConnections` of its SQLite adapter is false), so transactions never interleave.
 */
export function nodeSqliteDialect(database: DatabaseSync, hooks: DialectHooks = {}): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new NodeSqliteDriver(database, hooks),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class NodeSqliteDriver implements Driver {
  readonly #database: DatabaseSync;
  readonly #connection: NodeSqliteConnection;
  readonly #hooks: DialectHooks;
  #isWriting = false;

  constructor(database: DatabaseSync, hooks: DialectHooks) {
    this.#database = database;
    this.#hooks = hooks;
    this.#connection = new NodeSqliteConnection(database, hooks);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    // A writer takes the write lock at once: to find out at the first write that another process has it would be too
    // late to wait for it, since what was read by then may be old.
    this.#isWriting = settings.accessMode !== 'read only';
    await connection.executeQuery(CompiledQuery.raw(this.#isWriting ? 'begin immediate' : 'begin'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
    if (this.#isWriting) this.#hooks.onCommit?.();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // Some errors (a full disk) have rolled back already; a second rollback would hide them behind its own error.
    if (this.#database.isTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#connection.forget();
    this.#database.close();
  }
}

interface Prepared {
  readonly statement: StatementSync;
  readonly returnsRows: boolean;
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  /** In the order of last use. */
  readonly #statements = new Map<string, Prepared>();
  readonly #hooks: DialectHooks;

  constructor(database: DatabaseSync, hooks: DialectHooks) {
    this.#database = database;
    this.#hooks = hooks;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      return this.#execute(query);
    } catch (error) {
      this.#hooks.onError?.(error);
      throw error;
    }
  }

  #execute<R>(query: CompiledQuery): QueryResult<R> {
    const { statement, returnsRows } = this.#prepare(query.sql);
    const parameters = query.parameters as SQLInputValue[];
    if (returnsRows) return { rows: statement.all(...parameters) as R[] };
    const { changes } = statement.run(...parameters);
    return { rows: [], numAffectedRows: BigInt(changes) };
  }

  streamQuery(): never {
    throw new Error('queries are not streamed: read in pages');
  }

  forget(): void {
    this.#statements.clear();
  }

  #prepare(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known !== undefined) {
      this.#statements.delete(sql);
      this.#statements.set(sql, known);
      return known;
    }
    const statement = this.#database.prepare(sql);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    if (sql.length <= CACHED_SQL_LENGTH) {
      this.#statements.set(sql, prepared);
      const [oldest] = this.#statements.keys();
      if (this.#statements.size > CACHED_STATEMENTS && oldest !== undefined) this.#statements.delete(oldest);
    }
    return prepared;
  }
}
