import { z } from 'zod';

import { openAws } from '../../src/cloud/aws.ts';
import { AUTHORITY_ACTION } from '../../src/cloud/aws-authority.ts';
import { createAwsInstance } from '../../src/cloud/aws-instance.ts';
import { regionalOptions } from '../../src/cloud/aws-options.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { observeSubjects } from './subjects.ts';
import { observeCrls, observeTrustAnchors } from './trust.ts';

export const awsRolesAnywhere = defineCollector({
  type: 'aws-roles-anywhere',
  summary: 'IAM Roles Anywhere: trust anchors, revocation lists, and the client certificates that log in',
  options: z.strictObject(regionalOptions),
  scope: () => 'cluster',
  async create(given, context) {
    const [roles, aws] = await Promise.all([
      import('@aws-sdk/client-rolesanywhere'),
      openAws(given, 'rolesanywhere', context),
    ]);
    return createAwsInstance('rolesanywhere', aws, [
      {
        name: 'trust-anchors',
        actions: ['rolesanywhere:ListTrustAnchors', AUTHORITY_ACTION],
        observe: (look) => observeTrustAnchors(look, roles),
      },
      { name: 'crls', actions: ['rolesanywhere:ListCrls'], observe: (look) => observeCrls(look, roles) },
      {
        name: 'subjects',
        actions: ['rolesanywhere:ListSubjects', 'rolesanywhere:GetSubject'],
        observe: (look) => observeSubjects(look, roles),
      },
    ]);
  },
});
