// What may be said of a CRIU version that the data do not cover: what is seen of the kernel, the image or the
// command line stands, but neither that this version would fail nor that it is ready.
#pragma once

#include <vector>

#include "criu/version.h"
#include "criu/versions.h"
#include "report/report.h"

namespace cg {

// For a version that is not covered: every FAIL becomes UNKNOWN, and a finding in front, "criu.not-covered",
// leaves the whole verdict open. Nothing for one that is.
void respect_coverage(std::vector<Finding>& findings, const Version& criu, Matter matter = Matter::all);

// How such a version stands beside the others: open, and the one judged.
VersionVerdict open_verdict(const Version& criu);

}  // namespace cg
