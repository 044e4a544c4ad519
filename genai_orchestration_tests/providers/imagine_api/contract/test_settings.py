"""The contract of ImagineAPI servers that are set up differently."""

from genai_orchestration_tests.providers.imagine_api.contract.client import INVALID_QUERY
from genai_orchestration_tests.providers.imagine_api.contract.images import IMAGES, OWN
from genai_orchestration_tests.providers.imagine_api.contract.server import Server


def test_a_server_may_cap_its_limit_and_cut_everything_silently(server: Server) -> None:
    with server.configured(server.customer(IMAGES), QUERY_LIMIT_MAX="50") as customer:
        if server.caps_limits:
            assert customer.refusal("limit=51") == INVALID_QUERY
            assert len(customer.rows("limit=-1&fields=id")) == 50
        else:
            assert len(customer.rows("limit=51&fields=id")) == 51
            assert len(customer.rows("limit=-1&fields=id")) == OWN
        assert len(customer.rows("limit=50&fields=id")) == 50
