// Charts of 0.1.0 before the service kit start processes with this path. It can go one release later.
import './telemetry/register.ts'
