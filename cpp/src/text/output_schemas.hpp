// The schema of each JSON that a command prints: declared here, written next to what writes the JSON.
#pragma once

#include "text/json_schema.hpp"

namespace knockwork {

schema::Json report_schema();
schema::Json status_schema();
schema::Json clock_schema();
schema::Json drawn_schema();
schema::Json epochs_schema();
schema::Json lint_schema();
schema::Json trace_schema();
schema::Json knocked_schema();
schema::Json profile_schema();
schema::Json import_schema();
schema::Json comparison_schema();
schema::Json explain_schema();
schema::Json log_schema();
schema::Json event_schema();
schema::Json error_schema();

}  // namespace knockwork
