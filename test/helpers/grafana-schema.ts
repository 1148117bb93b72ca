import { readFileSync } from 'node:fs';
import path from 'node:path';

import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import ts from 'typescript';

type Schema = Readonly<Record<string, unknown>>;

const DIST = path.join(import.meta.dirname, '../../node_modules/@grafana/grafana-foundation-sdk/dist');

/** What a panel of each type that is used here may hold, besides what every panel may: modules of the SDK. */
const PANELS = ['barchart', 'stat', 'table', 'timeseries'] as const;

let validate: ValidateFunction | undefined;

/**
 * Where a dashboard is not what Grafana publishes as its classic schema, a sentence each. The schema is made of the types of
 * the Foundation SDK (Apache-2.0), which Grafana generates from its own definitions of dashboards, panels and queries; no
 * other fields than theirs are taken. What their types leave open by panel, this ties together: options, field
 * configuration, and queries, which are of Prometheus.
 */
export function schemaFaults(dashboard: unknown): readonly string[] {
  validate ??= new Ajv({ allErrors: true, strictTypes: false }).compile(dashboardSchema());
  return validate(dashboard) ? [] : (validate.errors ?? []).map(sentence);
}

function sentence({ instancePath, message = '', params }: ErrorObject): string {
  const detail = 'additionalProperty' in params ? `: ${String(params['additionalProperty'])}` : '';
  return `${instancePath || '/'} ${message}${detail}`;
}

function dashboardSchema(): Schema {
  const definitions: Record<string, Schema> = {};
  const pending = ['dashboard.Dashboard', 'prometheus.Dataquery'];
  const isExported = (name: string): boolean => moduleOf(name.split('.')[0] ?? '').has(name.split('.')[1] ?? '');
  for (const panel of PANELS) pending.push(...[`${panel}.Options`, `${panel}.FieldConfig`].filter(isExported));
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name in definitions) continue;
    const [module = '', type = ''] = name.split('.');
    const declared = moduleOf(module).get(type);
    if (declared === undefined) throw new Error(`the SDK has no type ${name}`);
    definitions[name] = schemaOf(declared, module, (wanted) => {
      pending.push(wanted);
      return { $ref: `#/definitions/${wanted}` };
    });
  }
  const { 'dashboard.Panel': panel, 'dashboard.Dashboard': dashboard } = definitions;
  if (panel === undefined || dashboard === undefined) throw new Error('the SDK has no panels');
  definitions['dashboard.Panel'] = tied(panel, isExported);
  definitions['dashboard.Dashboard'] = withProperty(dashboard, 'panels', {
    type: 'array',
    items: {
      if: { properties: { type: { const: 'row' } } },
      // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema
      then: { $ref: '#/definitions/dashboard.RowPanel' },
      else: { $ref: '#/definitions/dashboard.Panel' },
    },
  });
  return { $ref: '#/definitions/dashboard.Dashboard', definitions };
}

/** A panel with options and field configuration of its type, and queries for Prometheus. */
function tied(panel: Schema, isExported: (name: string) => boolean): Schema {
  const typed = withProperty(panel, 'type', { enum: PANELS });
  const queries = { type: 'array', items: { $ref: '#/definitions/prometheus.Dataquery' } };
  const allOf = PANELS.map((type) => ({
    if: { properties: { type: { const: type } } },
    // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema
    then: {
      properties: {
        options: { $ref: `#/definitions/${type}.Options` },
        fieldConfig: {
          properties: {
            defaults: {
              properties: {
                custom: isExported(`${type}.FieldConfig`)
                  ? { $ref: `#/definitions/${type}.FieldConfig` }
                  : { type: 'object', maxProperties: 0 },
              },
            },
          },
        },
      },
    },
  }));
  return { ...withProperty(typed, 'targets', queries), allOf };
}

function withProperty(schema: Schema, name: string, property: Schema): Schema {
  return { ...schema, properties: { ...(schema['properties'] as Schema), [name]: property } };
}

type Declaration = ts.InterfaceDeclaration | ts.TypeAliasDeclaration | ts.EnumDeclaration;
const modules = new Map<string, ReadonlyMap<string, Declaration>>();

/** The types that a module of the SDK declares, by name. */
function moduleOf(module: string): ReadonlyMap<string, Declaration> {
  const known = modules.get(module);
  if (known !== undefined) return known;
  const file = path.join(DIST, module, module === 'cog' ? 'variants_gen.d.ts' : 'types.gen.d.ts');
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  const declared = new Map<string, Declaration>();
  for (const statement of source.statements) {
    const isType =
      ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement) || ts.isEnumDeclaration(statement);
    if (isType) declared.set(statement.name.text, statement);
  }
  modules.set(module, declared);
  return declared;
}

type Refer = (name: string) => Schema;

function schemaOf(declared: Declaration, module: string, refer: Refer): Schema {
  if (ts.isEnumDeclaration(declared)) return { enum: declared.members.map(memberValue) };
  if (ts.isTypeAliasDeclaration(declared)) return typeSchema(declared.type, module, refer);
  if (declared.heritageClauses !== undefined) throw new Error(`${declared.name.text} extends another`);
  return objectSchema(declared.members, module, refer);
}

function objectSchema(members: ts.NodeArray<ts.TypeElement>, module: string, refer: Refer): Schema {
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const member of members) {
    // Methods mark what a type stands for, and are in no document.
    if (!ts.isPropertySignature(member) || member.type === undefined) continue;
    const name = ts.isIdentifier(member.name) || ts.isStringLiteral(member.name) ? member.name.text : '';
    properties[name] = typeSchema(member.type, module, refer);
    if (member.questionToken === undefined) required.push(name);
  }
  return { type: 'object', properties, required, additionalProperties: false };
}

function typeSchema(type: ts.TypeNode, module: string, refer: Refer): Schema {
  if (ts.isParenthesizedTypeNode(type)) return typeSchema(type.type, module, refer);
  if (ts.isArrayTypeNode(type)) return { type: 'array', items: typeSchema(type.elementType, module, refer) };
  if (ts.isUnionTypeNode(type)) return { anyOf: type.types.map((one) => typeSchema(one, module, refer)) };
  if (ts.isTypeLiteralNode(type)) return objectSchema(type.members, module, refer);
  if (ts.isLiteralTypeNode(type)) return { const: literalValue(type.literal) };
  if (ts.isTypeReferenceNode(type)) return referenceSchema(type, module, refer);
  switch (type.kind) {
    case ts.SyntaxKind.StringKeyword:
      return { type: 'string' };
    case ts.SyntaxKind.NumberKeyword:
      return { type: 'number' };
    case ts.SyntaxKind.BooleanKeyword:
      return { type: 'boolean' };
    case ts.SyntaxKind.AnyKeyword:
      return {};
    default:
      throw new Error(`no schema for a ${ts.SyntaxKind[type.kind]}`);
  }
}

/** `Name`, `module.Name`, `Enum.Member`, or `Record<string, …>`. */
function referenceSchema({ typeName, typeArguments }: ts.TypeReferenceNode, module: string, refer: Refer): Schema {
  if (ts.isIdentifier(typeName)) {
    if (typeName.text !== 'Record') return refer(`${module}.${typeName.text}`);
    const [, value] = typeArguments ?? [];
    return { type: 'object', additionalProperties: value === undefined ? true : typeSchema(value, module, refer) };
  }
  if (!ts.isIdentifier(typeName.left)) throw new Error('a name of three parts');
  const [left, right] = [typeName.left.text, typeName.right.text];
  const owner = moduleOf(module).get(left);
  if (owner === undefined || !ts.isEnumDeclaration(owner)) return refer(`${left}.${right}`);
  const member = owner.members.find(({ name }) => ts.isIdentifier(name) && name.text === right);
  if (member === undefined) throw new Error(`${left} has no ${right}`);
  return { const: memberValue(member) };
}

function memberValue({ initializer }: ts.EnumMember): string | number {
  if (initializer === undefined) throw new Error('a member without a value');
  const value = literalValue(initializer);
  if (typeof value !== 'string' && typeof value !== 'number') throw new Error('a member that is no text or number');
  return value;
}

function literalValue(literal: ts.Node): string | number | boolean | null {
  if (ts.isStringLiteral(literal)) return literal.text;
  if (ts.isNumericLiteral(literal)) return Number(literal.text);
  if (literal.kind === ts.SyntaxKind.TrueKeyword) return true;
  if (literal.kind === ts.SyntaxKind.FalseKeyword) return false;
  if (literal.kind === ts.SyntaxKind.NullKeyword) return null;
  if (ts.isPrefixUnaryExpression(literal)) return -Number(literalValue(literal.operand));
  throw new Error(`no value of a ${ts.SyntaxKind[literal.kind]}`);
}
