"""A customer of the sandbox, with the sandbox itself at hand, for the tests of this folder."""

from dataclasses import dataclass

from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration_tests.providers.imagine_api.contract import client


@dataclass(frozen=True)
class Client(client.Client):
    sandbox: Sandbox

    @classmethod
    def of(cls, sandbox: Sandbox) -> "Client":
        return cls(sandbox.base_url("imagine_api"), KEY, sandbox)

    @property
    def state(self) -> ImagineApiSandbox:
        state = self.sandbox.providers["imagine_api"]
        assert isinstance(state, ImagineApiSandbox)
        return state
