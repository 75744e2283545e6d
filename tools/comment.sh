#!/bin/sh
# Puts the list of changed pages into the one comment of a pull request: tools/comment.sh PAGES.JSON
# HEAD is owner:branch, SHA its commit: GitHub tells no number when the branch is in a fork, and what
# the build of a stranger's code says of its number is not to be believed. RUN is the build's page.
set -eu
number=$(gh api --method GET "repos/$GH_REPO/pulls" -f state=open -f head="$HEAD" \
    --jq "map(select(.head.sha == \"$SHA\"))[0].number // empty")
if [ -z "$number" ]; then echo "comment: no open pull request has this commit any more"; exit 0; fi
text=$(mktemp)
python3 "$(dirname "$0")/preview.py" comment "$1" >"$text"
printf '\nPictures before and after: the artifact `preview` of [this run](%s#artifacts).\n' "$RUN" >>"$text"
gh pr comment "$number" --edit-last --create-if-none --body-file "$text"
