# Packages are installed in a stage of their own, so that npm and its cache stay out of the image.
FROM node:24-trixie-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts/image-packages.sh scripts/
RUN sh scripts/image-packages.sh

FROM node:24-trixie-slim
LABEL org.opencontainers.image.title="PM3K" \
      org.opencontainers.image.description="A self-hosted TikTok posting API with a small dashboard." \
      org.opencontainers.image.licenses="AGPL-3.0-or-later"
COPY scripts/image-system.sh /tmp/
RUN sh /tmp/image-system.sh && rm /tmp/image-system.sh
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json LICENSE ./
COPY src src
COPY plugins plugins
COPY templates templates
COPY migrations migrations
COPY scripts scripts
ENV NODE_ENV=production DATA_DIR=/data PORT=3000
USER node
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "scripts/healthcheck.ts"]
# node itself is process 1, so that it gets the signal to stop.
CMD ["node", "--max-semi-space-size=1", "src/main.ts"]
