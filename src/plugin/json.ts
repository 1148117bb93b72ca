/** Plain data that survives a queue and a database. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
