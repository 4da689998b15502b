from faceloop_heat.supervisor import Supervisor as Supervisor
