"""What tests share: processes, servers, browsers, and requests in every state."""
