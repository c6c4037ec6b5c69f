// Of the bucket's notifications, only those of manifests: a version has thousands of other objects.
function manifestsOnly(message, metadata) {
  return message.attributes.objectId.endsWith("/manifest.json") ? message : null;
}
