"""Jobs and schedules of Vertex AI (v1, gRPC), on loopback. CustomJobs are run."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

import grpc
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from tfx_pipeline.vertex.rehearsal.vertex_messages import done, find, now, with_display_name

_LOOKS_FOR_CLIENT = 1.0  # seconds between two looks whether a client still waits


class VertexJobs:
    """Answers calls about jobs and schedules.

    Attributes:
      run_custom_job: Runs a CustomJob's containers; returns why it failed, or None.
      answers_after: Seconds that GetCustomJob waits for the job's end at most before it answers.
      states: The states that GetPipelineJob returns for a job, one after the other; the last one stays.
    """

    def __init__(self) -> None:
        self.run_custom_job: Callable[[v1.CustomJob], str | None] = lambda job: None
        self.answers_after = 0.0
        self._ended = threading.Condition()
        self.states = [v1.PipelineState.PIPELINE_STATE_SUCCEEDED]
        self.pipeline_jobs: dict[str, v1.PipelineJob] = {}
        self.schedules: dict[str, v1.Schedule] = {}
        self.custom_jobs: dict[str, v1.CustomJob] = {}

    def create_pipeline_job(self, request: v1.CreatePipelineJobRequest, context) -> v1.PipelineJob:
        job = request.pipeline_job
        job.name = f"{request.parent}/pipelineJobs/{request.pipeline_job_id}"
        if job.name in self.pipeline_jobs:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{job.name} already exists")
        job.state = v1.PipelineState.PIPELINE_STATE_PENDING
        job.create_time = now()
        self.pipeline_jobs[job.name] = job
        return job

    def get_pipeline_job(self, request: v1.GetPipelineJobRequest, context) -> v1.PipelineJob:
        job = find(self.pipeline_jobs, request.name, context)
        if job.state != v1.PipelineState.PIPELINE_STATE_CANCELLED:
            job.state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return job

    def list_pipeline_jobs(self, request: v1.ListPipelineJobsRequest, context) -> v1.ListPipelineJobsResponse:
        found = with_display_name(self.pipeline_jobs.values(), request.filter)
        if state := re.search(r'state="(\w+)"', request.filter):
            found = [one for one in found if one.state.name == state[1]]
        return v1.ListPipelineJobsResponse(pipeline_jobs=found)

    def cancel_pipeline_job(self, request: v1.CancelPipelineJobRequest, context) -> empty_pb2.Empty:
        find(self.pipeline_jobs, request.name, context).state = v1.PipelineState.PIPELINE_STATE_CANCELLED
        return empty_pb2.Empty()

    def create_schedule(self, request: v1.CreateScheduleRequest, context) -> v1.Schedule:
        schedule = request.schedule
        schedule.name = f"{request.parent}/schedules/{len(self.schedules) + 1}"
        schedule.state = v1.Schedule.State.ACTIVE
        self.schedules[schedule.name] = schedule
        return schedule

    def get_schedule(self, request: v1.GetScheduleRequest, context) -> v1.Schedule:
        return find(self.schedules, request.name, context)

    def list_schedules(self, request: v1.ListSchedulesRequest, context) -> v1.ListSchedulesResponse:
        return v1.ListSchedulesResponse(schedules=with_display_name(self.schedules.values(), request.filter))

    def delete_schedule(self, request: v1.DeleteScheduleRequest, context) -> operations_pb2.Operation:
        find(self.schedules, request.name, context)
        del self.schedules[request.name]
        return done(empty_pb2.Empty())

    def create_custom_job(self, request: v1.CreateCustomJobRequest, context) -> v1.CustomJob:
        job = request.custom_job
        job.name = f"{request.parent}/customJobs/{len(self.custom_jobs) + 1}"
        job.state = v1.JobState.JOB_STATE_RUNNING
        job.create_time = now()
        self.custom_jobs[job.name] = job
        threading.Thread(target=self._run, args=(job,), daemon=True).start()
        return job

    def _run(self, job: v1.CustomJob) -> None:
        failure = self.run_custom_job(job)
        if job.state == v1.JobState.JOB_STATE_CANCELLED:
            return
        if failure is not None:
            job.error.message = failure
        with self._ended:
            job.state = v1.JobState.JOB_STATE_FAILED if failure else v1.JobState.JOB_STATE_SUCCEEDED
            self._ended.notify_all()

    def await_end(self, request: object, context: grpc.ServicerContext) -> None:
        """Before GetCustomJob is answered: waits for the job's end, as TFX looks again only after half a minute.

        Other calls are answered meanwhile, and the wait ends with the client.
        """
        job = self.custom_jobs.get(request.name) if isinstance(request, v1.GetCustomJobRequest) else None
        end = time.monotonic() + self.answers_after
        with self._ended:
            while job and job.state == v1.JobState.JOB_STATE_RUNNING and context.is_active() and time.monotonic() < end:
                self._ended.wait(_LOOKS_FOR_CLIENT)

    def get_custom_job(self, request: v1.GetCustomJobRequest, context) -> v1.CustomJob:
        return find(self.custom_jobs, request.name, context)

    def list_custom_jobs(self, request: v1.ListCustomJobsRequest, context) -> v1.ListCustomJobsResponse:
        wanted = dict(re.findall(r'labels\.(\w+)="([^"]*)"', request.filter))
        found = [job for job in self.custom_jobs.values() if wanted.items() <= dict(job.labels).items()]
        return v1.ListCustomJobsResponse(custom_jobs=found)

    def delete_custom_job(self, request: v1.DeleteCustomJobRequest, context) -> operations_pb2.Operation:
        job = find(self.custom_jobs, request.name, context)
        if job.state == v1.JobState.JOB_STATE_RUNNING:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{job.name} has not ended")
        self.custom_jobs = {name: one for name, one in self.custom_jobs.items() if one is not job}
        return done(empty_pb2.Empty())

    def cancel_custom_job(self, request: v1.CancelCustomJobRequest, context) -> empty_pb2.Empty:
        find(self.custom_jobs, request.name, context).state = v1.JobState.JOB_STATE_CANCELLED
        return empty_pb2.Empty()
