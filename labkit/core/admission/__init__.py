"""Whether the API server lets an object in: decoding, validation, Pod Security. PURE."""
