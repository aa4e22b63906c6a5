//! The description of the API in OpenAPI 3.1.
//!
//! Owns what is the same for all operations: how one authenticates, what errors look like, and conditional requests. Each operation is described
//! where it is.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response, ResponseBuilder,
    Schema, Type,
};

const ABOUT: &str = "Rooms, messages and people for programs. The numbers `seq` and `rev`, the events of sockets and the codes of errors are explained in docs/protocol.md, \
                     access tokens and their scopes in docs/api.md.";
const TAGS: [(&str, &str); 8] = [
    ("rooms", "Rooms"),
    ("messages", "Messages, reactions, pins, read markers, search"),
    ("changes", "What changes in a room"),
    ("members", "The members of a room"),
    ("people", "People and conversations"),
    ("files", "Files"),
    ("sessions", "Where one is logged in"),
    ("administration", "For administrators"),
];
/// The name of the response with an error.
const ERROR: &str = "Error";
/// The name of the response to a request for what the client has already.
const NOT_MODIFIED: &str = "NotModified";

/// An error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorAnswer {
    error: ErrorBody,
}

/// What was wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// For programs, such as `not_found`.
    code: String,
    /// For people.
    message: String,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// In how many seconds it is worth to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<f64>,
}

/// The description without operations.
pub fn frame() -> OpenApi {
    let info = InfoBuilder::new().title("Parlor").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT));
    let tags = TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    let either = ["token", "cookie"].map(|scheme| SecurityRequirement::new::<_, [&str; 0], &str>(scheme, []));
    OpenApiBuilder::new().info(info).tags(Some(tags)).security(Some(either)).components(Some(Components::new())).build()
}

/// The description with what is the same for all operations.
pub fn complete(mut api: OpenApi) -> OpenApi {
    let components = api.components.get_or_insert_default();
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An access token, of `/settings/tokens`"));
    components.add_security_scheme("token", SecurityScheme::Http(token.build()));
    let cookie = ApiKeyValue::with_description(
        "parlor",
        "The session’s cookie, whose name Set-Cookie says. What another site's page sends is refused.",
    );
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let mut schemas = Vec::new();
    <ErrorAnswer as ToSchema>::schemas(&mut schemas);
    schemas.push((ErrorAnswer::name().into_owned(), <ErrorAnswer as utoipa::PartialSchema>::schema()));
    components.schemas.extend(schemas);
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorAnswer::name()))).build();
    let error = ResponseBuilder::new().description("Refused, or failed").content("application/json", content).build();
    components.responses.insert(ERROR.to_owned(), RefOr::T(error));
    let unchanged = ResponseBuilder::new().description("It is as `If-None-Match` says: there is no body").build();
    components.responses.insert(NOT_MODIFIED.to_owned(), RefOr::T(unchanged));
    for read in api.paths.paths.values_mut().filter_map(|item| item.get.as_mut()) {
        read.parameters.get_or_insert_default().push(RefOr::T(if_none_match()));
        read.responses.responses.insert("304".to_owned(), RefOr::Ref(Ref::from_response_name(NOT_MODIFIED)));
    }
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        let responses: &mut BTreeMap<String, RefOr<Response>> = &mut operation.responses.responses;
        for response in responses.values_mut() {
            // OpenAPI wants a description of each. Where there is one answer only, it is what the operation is for.
            if let RefOr::T(response) = response
                && response.description.is_empty()
            {
                response.description = operation.summary.clone().unwrap_or_default();
            }
        }
        responses.insert("default".to_owned(), RefOr::Ref(Ref::from_response_name(ERROR)));
    }
    api.components.iter_mut().flat_map(|components| components.schemas.values_mut()).for_each(without_empty_defaults);
    api
}

/// What a field that is not sent is read as is no value that can be sent: a word is one of those that are listed, and a name is not empty.
fn without_empty_defaults(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::Object(object)) = schema else { return };
    for property in object.properties.values_mut() {
        let default = match property {
            RefOr::Ref(of) => &mut of.default,
            RefOr::T(Schema::Object(of)) => &mut of.default,
            RefOr::T(Schema::OneOf(of)) => &mut of.default,
            RefOr::T(Schema::AllOf(of)) => &mut of.default,
            RefOr::T(Schema::AnyOf(of)) => &mut of.default,
            _ => continue,
        };
        if default.as_ref().is_some_and(|default| *default == "") {
            *default = None;
        }
    }
}

/// The header that makes a request conditional.
fn if_none_match() -> Parameter {
    let about = "The `ETag` of an answer that you have: if it is still the same, 304";
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .description(Some(about))
        .schema(Some(text))
        .build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}
