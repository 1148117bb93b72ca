# syntax=docker/dockerfile:1
# The image holds what is published: built files, production packages, runbooks. No compiler, no npm at run time.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
# No install scripts: the image brings its own Node.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY collectors collectors
COPY alerts alerts
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="notafter" \
  org.opencontainers.image.description="Watches every certificate an organisation depends on, and makes sure nobody is surprised by its last day." \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.documentation="https://www.npmjs.com/package/notafter"

ENV NODE_ENV=production \
  NOTAFTER_HEALTH_URL=http://127.0.0.1:9919/-/healthy
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY bin bin
COPY docs/runbooks docs/runbooks
COPY LICENSE README.md CHANGELOG.md ./
COPY deploy/notafter/image.yaml /etc/notafter/notafter.yaml

# State lives in /data and nowhere else, so the root file system may be read-only.
RUN ln -s /app/bin/notafter.js /usr/local/bin/notafter \
  && mkdir /data && chown node:node /data
VOLUME /data
USER node
EXPOSE 9919
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.NOTAFTER_HEALTH_URL, { signal: AbortSignal.timeout(4000) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/bin/notafter.js"]
CMD ["run", "--config", "/etc/notafter/notafter.yaml"]
