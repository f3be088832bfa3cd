"""Exercises of 11-capstone."""

from __future__ import annotations

import re
from typing import Any

from labkit.base.errors import LabError
from labkit.base.waiting import watch
from labkit.course.exercise import Assessment, Exercise, Wrong, not_right, not_yet, passed
from labkit.course.world import World
from labkit.explain.workload_kinds import read_workloads

_KEY = "seven-times-six"
_LISTENS = re.compile(r"listening on port (\d+)")
_LOG_SECONDS = 3.0

# --- next-no ---

_REFUSALS = {"key": "cannot read its key", "ledger": "cannot write to its ledger", "port": "cannot listen"}


def _check_next_no(world: World, answer: str) -> Assessment:
    if answer not in (*_REFUSALS, "none"):
        return not_right(f"{answer!r} is not one of {', '.join(map(repr, (*_REFUSALS, 'none')))}.")
    argv = ["env", "LEDGER_KEY_FILE=/etc/hostname", "/app/ledger"]
    stdout = world.start.run("ledger", argv, user="1654").output
    refusal = next((name for name, text in _REFUSALS.items() if text in stdout), "none")
    if answer == refusal:
        return passed(f"It says: {stdout}.")
    if answer == "port":
        return not_right("It does not come as far as the port: something that it does before fails.")
    return not_right(f"It is not {answer!r}: with a key that it may read the app goes one step further, and no more.")


_NEXT_NO = Exercise(
    name="next-no",
    kind="predict",
    answers=str,
    hints=(
        "In which order does the app do the three things that need root?",
        "`cluster/sampleapp/ledger.go` has them in its function `open`. Which comes after the key?",
        "Whose is the folder /var/lib/ledger, and who may write to it? `lab.file` shows it.",
    ),
    solution='prediction = "ledger"',
    wrong=(
        Wrong('prediction = "port"', "does not come as far as the port"),
        Wrong('prediction = "none"', "one step further, and no more"),
        Wrong('prediction = "root"', "is not one of"),
        Wrong("prediction = 80", "a text in quotes is expected"),
    ),
    check=_check_next_no,
)

# --- harden ---


def _check_harden(world: World, _: Any) -> Assessment:
    pod = world.look.pod("ledger")
    if pod is None:
        return not_yet("There is no pod ledger yet.")
    if pod.verdict == "not admitted":
        names = [violation.partition(" (")[0] for violation in pod.violations]
        if len(names) == 4:
            return not_yet("The API server still objects to the pod ledger on all four counts.")
        return not_right(f"The API server does not let it in; it names: {', '.join(names) or pod.message}.")
    if world.look.enforced() != "restricted":
        return not_right("The namespace does not enforce restricted any more, so anything would pass there.")
    refusal = world.look.admission(world.look.manifest("ledger"))
    if refusal is not None:
        return not_right("The pod was let in before the label; if it were made again now, the API server would refuse.")
    if pod.cause is not None:
        return not_right(f"The API server let it in, but it does not run: {pod.cause}, {pod.message}.")
    return _check_the_app(world)


def _check_the_app(world: World) -> Assessment:
    log, page = _look_at_the_app(world)
    if not page:
        last = log.splitlines()[-1] if log else "nothing"
        return not_right(f"It was let in, but the app does not work; the last that it logged is: {last}.")
    first, _, book = page.partition("\n")
    if first != f"key: {_KEY}":
        return not_right(f"The app answers, but it has another key now. Its page begins with {first!r}.")
    if "opened by uid" not in book:
        return not_right(f"The app answers, but its ledger has no entry of its own: {book!r}.")
    user = book.strip().splitlines()[-1].removeprefix("opened by ")
    if user == "uid 0":
        user = "uid 0 of a user namespace"
    return passed(f"The app answers with its key, has written to its ledger as {user}, and restricted holds.")


def _look_at_the_app(world: World) -> tuple[str, str]:
    """The app's log, and its page; empty if it does not answer."""

    def read_log() -> str:
        pod = world.look.pod("ledger")
        return pod.logs if pod is not None else ""

    log = watch(read_log, bool, _LOG_SECONDS)
    spec = world.look.manifest("ledger").get("spec") or {}
    variables = [variable for container in spec.get("containers", []) for variable in container.get("env") or []]
    numbers = [str(variable.get("value")) for variable in variables if str(variable.get("value")).isdigit()]
    ports = [*_LISTENS.findall(log), *numbers, "8080", "80"]
    # An app that has said that it cannot go on has no page, on whatever port.
    for port in [] if "cannot" in log else dict.fromkeys(ports):
        response = world.look.page("ledger", int(port))
        if response.exit_status == 0:
            return log, response.output
    return log, ""


_LEDGER = '''
lab.enforce("restricted")
lab.apply("""
apiVersion: v1
kind: Pod
metadata:
  name: ledger
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  securityContext:
    runAsNonRoot: true
    USER
    seccompProfile: {type: RuntimeDefault}
    sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "1024"}]
  containers:
  - name: ledger
    image: IMAGE
    securityContext:
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
    MORE
""")
'''
_KEY_AND_FOLDER = """volumeMounts:
    - {name: key, mountPath: /etc/ledger}
    - {name: folder, mountPath: /var/lib/ledger}
  volumes:
  - {name: key, secret: {secretName: ledger-key}}
  - {name: folder, emptyDir: {}}"""
_FOLDER = """volumeMounts:
    - {name: folder, mountPath: /var/lib/ledger}
  volumes:
  - {name: folder, emptyDir: {}}"""
_PORT = """env: [{name: LEDGER_PORT, value: "8080"}]
    """
_SECRET = f'''
lab.create("""
apiVersion: v1
kind: Secret
metadata:
  name: ledger-key
stringData:
  key: {_KEY}
""")
'''
_BUILD = '''
lab.build("""
FROM ledger
RUN chown -R 1654:1654 /etc/ledger /var/lib/ledger
ENV LEDGER_PORT=8080
USER 1654
""", name="my-ledger:1")
'''


def _ledger(more: str, *, user: str = "runAsUser: 1654", image: str = "ledger") -> str:
    return _LEDGER.replace("USER", user).replace("IMAGE", image).replace("MORE", more)


_IN_A_USER_NAMESPACE = (
    _ledger("")
    .replace("    runAsNonRoot: true\n    runAsUser: 1654\n", "")
    .replace("drop: [ALL]", "drop: [ALL], add: [NET_BIND_SERVICE]")
    .replace("spec:\n", "spec:\n  hostUsers: false\n")
)
_CONFIG_MAP = _SECRET.replace("Secret", "ConfigMap").replace("stringData", "data")

_HARDEN = Exercise(
    name="harden",
    kind="repair",
    hints=(
        "Work from the outside in: what does the API server name, what does the kubelet say, what does the app's log "
        "say? Each refusal is the next step. Which of the app's three needs can a pod meet, and which an image?",
        "The folder can be a volume. The key can be a Secret in place of the file, or the file can be given to another "
        "owner in an image of your own (`lab.build`, with a tag such as my-ledger:1). The port is a variable.",
        "Four controls and runAsUser: 1654; an emptyDir at /var/lib/ledger; the key's text in a Secret (`lab.create`) "
        "that is mounted at /etc/ledger; LEDGER_PORT with 8080.",
    ),
    solution=_SECRET + _ledger(_PORT + _KEY_AND_FOLDER),
    others=(
        _BUILD + _ledger("", user="", image="my-ledger:1"),
        _IN_A_USER_NAMESPACE,
        _CONFIG_MAP
        + _ledger(_PORT + _KEY_AND_FOLDER.replace("secret: {secretName:", "configMap: {name:"), user="runAsUser: 4242"),
        _SECRET
        + _ledger(
            _KEY_AND_FOLDER.replace("secretName: ledger-key", "secretName: ledger-key, defaultMode: 0440"),
            user="runAsUser: 1654\n    fsGroup: 2000",
        ).replace('    sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "1024"}]\n', ""),
    ),
    wrong=(
        Wrong(_ledger(""), "cannot read its key"),
        Wrong(_SECRET + _ledger(_KEY_AND_FOLDER), "cannot listen on port 80"),
        Wrong(
            _SECRET + _ledger(_PORT + _KEY_AND_FOLDER.replace("/var/lib/ledger", "/data")), "cannot write to its ledger"
        ),
        Wrong(
            _ledger(
                _PORT.replace("env: [", 'env: [{name: LEDGER_KEY_FILE, value: "/etc/hostname"}, ') + _FOLDER,
            ),
            "it has another key now",
        ),
        Wrong(_ledger("", user=""), "image-runs-as-root"),
        Wrong('lab.enforce("privileged")\nlab.apply(lab.sample("ledger"))', "does not enforce restricted"),
        Wrong('lab.apply(lab.sample("ledger"))\nlab.enforce("restricted")', "before the label"),
        Wrong(_ledger("").replace("      allowPrivilegeEscalation: false\n", ""), "it names: allowPrivilegeEscalation"),
    ),
    check=_check_harden,
)

# --- what-remains ---

_TRIED = (
    *("change-uid", "environment-secret", "listen-80", "overwrite-app", "read-shadow", "setuid-helper"),
    *("unshare-user", "write-volume-shared"),
)


def _check_what_remains(world: World, answer: list[Any]) -> Assessment:
    unknown = [name for name in answer if name not in _TRIED]
    if unknown:
        return not_right(f"{unknown[0]!r} is not one of the probes that the task lists.")
    tried = world.start.probe("app-restricted", *_TRIED)
    could = {cell.probe for cell in tried if cell.short == "could"}
    for name in answer:
        if name not in could:
            return not_right(f"{name} was tried just now, and {tried[name].full_verdict}: {tried[name].reason}.")
    if missing := len(could - set(answer)):
        return not_right(f"All that you name could be done, and {missing} more of the list could, too.")
    return passed(f"{', '.join(sorted(could))}: done just now, with the controls of restricted and more in force.")


_WHAT_REMAINS = Exercise(
    name="what-remains",
    kind="choose",
    answers=list,
    hints=(
        "Which of the attempts needs a capability, root's files, or a way back to root? Those are gone.",
        "What was given to the app on purpose is still its own. What does the app get from its manifest?",
        "A container of the engine opens all ports to everyone; variables can be read by whoever runs in it; volumes "
        "were made to be written.",
    ),
    solution='remains = ["environment-secret", "listen-80", "write-volume-shared"]',
    others=('remains = ["write-volume-shared", "environment-secret", "listen-80"]',),
    wrong=(
        Wrong("remains = []", "3 more of the list could"),
        Wrong('remains = ["setuid-helper"]', "setuid-helper was tried just now, and could not"),
        Wrong('remains = ["environment-secret", "write-volume-shared"]', "1 more of the list could"),
        Wrong('remains = ["root"]', "not one of the probes"),
    ),
    check=_check_what_remains,
)

# --- gate ---

_GATED = '''
manifest = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: gated
spec:
  selector:
    matchLabels: {app: gated}
  template:
    metadata:
      labels: {app: gated}
    spec:
      securityContext: POD
      initContainers:
      - name: prepare
        image: debian
      containers:
      - name: app
        image: named-user
      - name: log
        image: aspnetapp
        securityContext: LOG
"""
'''
_CONTAINERS = {"prepare", "app", "log"}
_AS_GIVEN = {"prepare": "image-runs-as-root", "app": "image-user-not-numeric", "log": "runs as root"}


def _gated(pod: str, log: str) -> str:
    return _GATED.replace("POD", pod).replace("LOG", log)


def _check_gate(world: World, answer: str) -> Assessment:
    try:
        explanations = world.look.explain(answer)
        containers = read_workloads(answer).containers
    except (LabError, ValueError) as error:
        return not_right(f"The gate stays shut, because the manifest cannot be read: {error}.")
    objections = {row.container: row.objection for row in explanations.rows if row.objection}
    if set(objections) == set(_AS_GIVEN) and all(text in str(objections[name]) for name, text in _AS_GIVEN.items()):
        return not_yet("The gate has three objections, as at the start.")
    if objections or explanations.flaws:
        reasons = [*(f"{name}: {text}" for name, text in objections.items()), *explanations.flaws]
        return not_right(f"The gate stays shut. It says: {'; '.join(reasons)}.")
    if gone := _CONTAINERS - {asked.container for asked in containers}:
        return not_right(f"The gate opens, but {', '.join(sorted(gone))} is gone, and was needed.")
    for asked in containers:
        own = asked.own.run_as_non_root
        if not (asked.pod.run_as_non_root if own is None else own):
            return not_right(f"The gate opens, but nobody insists for {asked.container}: a new image could be root.")
    return passed("The gate opens: every container is non-root, and the manifest insists on it.")


_GATE = Exercise(
    name="gate",
    kind="repair",
    answers=str,
    hints=(
        "The gate's three objections have three causes. Which of them can one line for the whole pod remove?",
        "`runAsUser` for the pod replaces the user of each image. Which container says something else for itself?",
        "runAsUser: 1654 beside runAsNonRoot for the pod; and take away what `log` says for itself.",
    ),
    solution=_gated("{runAsNonRoot: true, runAsUser: 1654}", "{}"),
    others=(
        _gated("{runAsNonRoot: true, runAsUser: 1654}", "{runAsUser: 4242}"),
        _gated("{runAsUser: 1654}", "{runAsNonRoot: true, runAsUser: 1654}")
        .replace("image: debian", "image: debian\n        securityContext: {runAsNonRoot: true}")
        .replace("image: named-user", "image: named-user\n        securityContext: {runAsNonRoot: true}"),
    ),
    wrong=(
        Wrong(
            _gated("{runAsNonRoot: true, runAsUser: 1654}", "{runAsNonRoot: false, runAsUser: 0}"), "log: runs as root"
        ),
        Wrong(_gated("{runAsUser: 1654}", "{}"), "nobody insists"),
        Wrong(
            _gated("{runAsNonRoot: true, runAsUser: 1654}", "{}").replace(
                "      initContainers:\n      - name: prepare\n        image: debian\n", ""
            ),
            "prepare is gone",
        ),
        Wrong('manifest = "kind: {"', "cannot be read"),
    ),
    check=_check_gate,
)

EXERCISES = (_NEXT_NO, _HARDEN, _WHAT_REMAINS, _GATE)
