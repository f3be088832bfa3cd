"""The hub's configuration. What differs between classes is in the class's settings, which `labkit class up` writes."""

import os
import sys
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from traitlets.config import get_config
from traitlets.utils.importstring import import_item

from classhub.authenticator import ClassAuthenticator, authenticator_named, with_class_pages
from classhub.desk import the_desk
from labkit.lab.classroom.class_keys import HUB_SETTINGS_FILE
from labkit.lab.classroom.class_settings import (
    CLASS_LABEL,
    HOME,
    HUB_PORT,
    PARTICIPANT_LABEL,
    PROXY_API_PORT,
    SECRETS_FOLDER,
    SERVER_PORT,
)
from labkit.lab.classroom.sandbox import HOME_CLAIM
from labkit.lab.classroom.server_pod import (
    SERVICE_ACCOUNT,
    engine_containers,
    engine_mounts,
    engine_volumes,
    server_container_settings,
    server_environment,
    server_pod_settings,
)

c: Any = get_config()
desk = the_desk()
settings = desk.settings
here = Path(__file__).parent

# The largest that is sent to the hub for good reason is what a participant shares, 128 kB. tornado's default is 100 MB.
HTTPServer.configure(None, max_body_size=1_000_000)

# --- the hub ---
c.JupyterHub.db_url = f"sqlite:///{desk.state}/jupyterhub.sqlite"
c.JupyterHub.upgrade_db = True
c.JupyterHub.cookie_secret = bytes.fromhex(desk.secrets["cookie-secret"])
c.JupyterHub.cookie_max_age_days = 30
c.JupyterHub.hub_bind_url = f"http://0.0.0.0:{HUB_PORT}"
c.JupyterHub.hub_connect_url = f"http://hub.{settings.name}.svc:{HUB_PORT}"  # Participants are in other namespaces.
c.JupyterHub.cleanup_servers = False  # A hub that starts again finds its servers.
c.JupyterHub.concurrent_spawn_limit = settings.spawn_limit
c.JupyterHub.allow_named_servers = False
c.JupyterHub.template_paths = [str(here / "templates")]
c.JupyterHub.template_vars = {
    "announcement_home": '<a href="/hub/welcome">Your name and your return code</a>',
}
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 2}  # Then the page that says what goes on.

# --- the proxy, a deployment of its own: open notebooks outlive the hub ---
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = f"http://proxy-api.{settings.name}.svc:{PROXY_API_PORT}"
# Where a chart's proxy has a token of its own, the hub's pod has it as JupyterHub's own variable.
c.ConfigurableHTTPProxy.auth_token = os.environ.get("CONFIGPROXY_AUTH_TOKEN") or desk.secrets["proxy-token"]

# --- who is let in ---
c.JupyterHub.authenticator_class = ClassAuthenticator

# --- servers ---
c.JupyterHub.spawner_class = "classhub.spawner.ClassSpawner"
c.Spawner.pre_spawn_hook = import_item("classhub.spawner.refuse_the_instructor")
c.KubeSpawner.enable_user_namespaces = True
c.KubeSpawner.user_namespace_template = f"{settings.name}-{{username}}"
c.KubeSpawner.image = settings.participant_image
c.KubeSpawner.image_pull_policy = "IfNotPresent"
c.KubeSpawner.port = SERVER_PORT
c.KubeSpawner.start_timeout = 600
c.KubeSpawner.http_timeout = 300
# The defaults, 3 and 30 s, fail most starts where the API server is busy: it is busy when a class begins.
c.KubeSpawner.k8s_api_request_timeout = 20
c.KubeSpawner.k8s_api_request_retry_timeout = 300
c.KubeSpawner.service_account = SERVICE_ACCOUNT
c.KubeSpawner.automount_service_account_token = True
c.KubeSpawner.extra_labels = {CLASS_LABEL: settings.name, PARTICIPANT_LABEL: "{username}"}
c.KubeSpawner.allow_privilege_escalation = None  # Said below, where it has to be.
pod_settings = server_pod_settings(settings)
c.KubeSpawner.pod_security_context = pod_settings.pop("securityContext")
c.KubeSpawner.extra_pod_config = {"enableServiceLinks": False, **pod_settings}
c.KubeSpawner.container_security_context = server_container_settings()
c.KubeSpawner.extra_resource_guarantees = {
    "memory": settings.sizes.server_memory_request,
    "cpu": settings.sizes.server_cpu_request,
}
c.KubeSpawner.extra_resource_limits = {"memory": settings.sizes.server_memory_limit}
c.KubeSpawner.storage_pvc_ensure = False  # The claim is one of the sandbox's objects.
# Each value may be asked for by a callable, for each server.
c.KubeSpawner.environment = {
    name: (lambda spawner, name=name: server_environment(settings, spawner.user.name)[name])
    for name in server_environment(settings, "p-000000")
}
on_volume: dict[str, Any] = {"persistentVolumeClaim": {"claimName": HOME_CLAIM}}
home: dict[str, Any] = on_volume if settings.has_volumes else {"emptyDir": {}}
c.KubeSpawner.volumes = [{"name": "home", **home}, {"name": "tmp", "emptyDir": {}}, *engine_volumes(settings)]
c.KubeSpawner.volume_mounts = [
    {"name": "home", "mountPath": HOME},
    {"name": "tmp", "mountPath": "/tmp"},
    *engine_mounts(settings),
]
c.KubeSpawner.extra_containers = engine_containers(settings)

# --- idle servers ---
c.JupyterHub.last_activity_interval = settings.look_seconds
if settings.idle_minutes:
    c.JupyterHub.services = [
        {
            "name": "idle-culler",
            "command": [
                *(sys.executable, "-m", "jupyterhub_idle_culler"),
                f"--timeout={settings.idle_minutes * 60}",
                f"--cull-every={settings.look_seconds}",
                "--concurrency=4",
            ],
        }
    ]
    c.JupyterHub.load_roles = [
        {
            "name": "idle-culler",
            "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
            "services": ["idle-culler"],
        }
    ]

# --- what the instructor adds, such as another authenticator, named as in any JupyterHub ---
added = Path(SECRETS_FOLDER) / HUB_SETTINGS_FILE
if added.is_file():
    exec(compile(added.read_text(encoding="utf-8"), str(added), "exec"))  # As JupyterHub loads this file itself.
    if c.JupyterHub.authenticator_class is not ClassAuthenticator:
        c.JupyterHub.authenticator_class = with_class_pages(authenticator_named(c.JupyterHub.authenticator_class))
