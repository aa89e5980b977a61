"""An agent in a process of its own, for a running Threadcast, with nothing but Python's standard library.

    python3 examples/remote_agent.py [URL] --thread ID [--text TEXT] [--ask QUESTION] [--run ID] [--help]

It registers a run on the thread, says its text a few words at a time, and ends the run. What is not answered is sent
again as it is: each event has a name of its own, by which the server knows what it has. Killed in the middle and
started again with the same --run and --text, it goes on where it was. Python 3.8 or newer.
"""

import argparse
import http.client
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

ANSWER_TIMEOUT_S = 10
LONGEST_DELAY_S = 2
POLL_S = 0.5


class Refused(Exception):
    """The server has understood, and says no."""

    def __init__(self, status, problem):
        super().__init__(f"{problem.get('code', status)}: {problem.get('detail', 'no reason was given')}")
        self.code = problem.get("code")
        self.retryable = problem.get("retryable", status >= 500)


class Server:
    """Asks the server, and asks again where it does not answer or says that trying again helps."""

    def __init__(self, url, patience_s):
        self.url = url.rstrip("/")
        self.patience_s = patience_s
        self.token = None

    def ask(self, method, path, body=None):
        give_up_at = time.monotonic() + self.patience_s
        delay_s = 0.05
        while True:
            try:
                return self._once(method, path, body)
            except (Refused, OSError, http.client.HTTPException) as error:
                may_help = not isinstance(error, Refused) or error.retryable
                if not may_help or time.monotonic() + delay_s > give_up_at:
                    raise
            time.sleep(delay_s)
            delay_s = min(LONGEST_DELAY_S, delay_s * 2)

    def _once(self, method, path, body):
        headers = {"Content-Type": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise Refused(error.code, problem_in(error.read())) from error


def problem_in(text):
    try:
        return json.loads(text)
    except ValueError:
        return {}


def register(server, options):
    """The run's id. The name of the request makes it safe to send again: it registers one run, however often it is sent."""
    request = {"external": True, "agent": options.agent, "messageId": str(uuid.uuid4())}
    if options.run is not None:
        request["runId"] = options.run
    try:
        return server.ask("POST", f"/api/threads/{options.thread}/runs", request)["runId"]
    except Refused as error:
        if options.run is not None and error.code == "already_exists":
            return options.run
        raise


def run_when(server, run_id, is_so):
    """The run, once this is true of it."""
    while True:
        run = server.ask("GET", f"/api/runs/{run_id}")
        if is_so(run):
            return run
        time.sleep(POLL_S)


def answer_to(server, run_id, append, prompt):
    request_id = "question"
    append([{"type": "input_requested", "data": {"requestId": request_id, "prompt": prompt}, "eventId": "asked"}])

    def mine(run):
        return next(asked for asked in run["inputs"] if asked["requestId"] == request_id)

    asked = mine(run_when(server, run_id, lambda run: mine(run)["status"] != "open"))
    if asked["status"] != "answered":
        raise Refused(409, {"code": "run_ended", "detail": f"The question is {asked['status']}."})
    value = asked["value"]
    return value if isinstance(value, str) else json.dumps(value)


def work(server, run_id, options):
    def append(events):
        path = f"/api/runs/{urllib.parse.quote(run_id, safe='')}/events"
        return server.ask("POST", path, {"events": events})["results"]

    # A run with the policy `queue` takes events when its turn has come.
    run_when(server, run_id, lambda run: run["status"] != "queued")
    try:
        content = options.text if options.ask is None else answer_to(server, run_id, append, options.ask)
        words = re.findall(r"\S+\s*", content)
        if options.batch < 1:
            raise ValueError("A request needs at least one word.")
        for first in range(0, len(words), options.batch):
            piece = words[first : first + options.batch]
            append(
                [
                    {
                        "type": "agent_delta",
                        "data": {"messageId": "answer", "text": word},
                        "eventId": f"word-{first + index}",
                    }
                    for index, word in enumerate(piece)
                ]
            )
            time.sleep(options.delay / 1000)
        end = {"type": "agent_completed", "data": {"messageId": "answer", "content": content}, "eventId": "end"}
        return append([end])[0]["seq"]
    except (Refused, OSError, http.client.HTTPException):
        raise
    except Exception as error:
        # A fault of this process's own is told too.
        data = {"code": "run_failed", "message": str(error), "retryable": True}
        append([{"type": "agent_error", "data": data, "eventId": "end"}])
        raise


def read_options():
    parser = argparse.ArgumentParser(description="Executes a run on a thread of a running Threadcast.")
    parser.add_argument("url", nargs="?", default="http://localhost:3000")
    parser.add_argument("--thread", required=True, help="the thread to say something on")
    parser.add_argument("--text", default="Hello from another process. It has nothing but Python.", help="what to say")
    parser.add_argument("--ask", metavar="QUESTION", help="asks the user first, and says the answer")
    parser.add_argument("--run", metavar="ID", help="the id of the run; one that is there already is taken up")
    parser.add_argument("--agent", default="remote", help="the name that users see")
    parser.add_argument("--batch", type=int, default=10, help="words in one request")
    parser.add_argument("--delay", type=float, default=100, metavar="MS", help="wait between requests")
    parser.add_argument("--patience", type=float, default=60, metavar="S", help="how long to ask again")
    parser.add_argument("--user", default="remote-agent", help="whom a development token is for")
    parser.add_argument("--token", default=os.environ.get("TOKEN") or None, help="one with the role producer; or TOKEN")
    return parser.parse_args()


def main():
    options = read_options()
    server = Server(options.url, options.patience)
    wanted = {"userId": options.user, "roles": ["producer"]}
    server.token = options.token or server.ask("POST", "/dev/token", wanted)["token"]
    run_id = register(server, options)
    print(f"run {run_id}", flush=True)
    print(f"completed at {work(server, run_id, options)}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except Refused as error:
        print(error, file=sys.stderr)
        # Somebody has stopped the run: nothing went wrong here.
        sys.exit(0 if error.code == "run_ended" else 1)
    except (OSError, http.client.HTTPException) as error:
        print(f"The server cannot be reached: {error}", file=sys.stderr)
        sys.exit(1)
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
